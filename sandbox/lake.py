"""A Trino over the buckets and tables of an emulator: archives in it, as a catalogue has them."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from clickstream_operator.query.sql import VIEWS
from clickstream_operator.query.sql.glue_tables import LINES, lines_input, view_input
from sandbox.aws import emulator
from sandbox.processes.run import Run
from sandbox.trino import Trino


class Lake:
    """A Trino, and the emulator whose buckets and tables it reads."""

    def __init__(self, trino: Trino, endpoint: str) -> None:
        self.trino = trino
        self._endpoint = endpoint
        self.s3 = self.client("s3")
        self.glue = self.client("glue")
        self._numbers = itertools.count(1)

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Lake]:
        """Yield one on loopback that ends with the block."""
        with tempfile.TemporaryDirectory(prefix="clickstream-sql-") as folder:
            run = Run.create(Path(folder))
            aws = emulator.Emulator(emulator.locate(), enforce=False)
            trino = Trino(Path(folder) / "trino", aws.endpoint)
            try:
                run.start(aws.program(), trino.program())
                yield cls(trino, aws.endpoint)
            finally:
                run.stop()
                aws.release_port()
                trino.release_port()

    def client(self, service: str) -> Any:
        """Return a client of the emulator."""
        return boto3.client(
            service,
            endpoint_url=self._endpoint,
            region_name="us-east-1",
            aws_access_key_id="123456789012",
            aws_secret_access_key="emulated",  # noqa: S106 - the emulator takes any
        )

    def loaded(self, objects: Mapping[str, bytes], *, days: str = "") -> str:
        """Put the objects of an archive into a bucket and return the database over it.

        `days`: those that are projected as partitions, as the catalogue has them; empty: there are
        no partitions, so that a query without a filter need not list each hour.
        """
        name = f"archive-{next(self._numbers)}"
        self.s3.create_bucket(Bucket=name)
        for key, body in objects.items():
            self.s3.put_object(Bucket=name, Key=key, Body=body)
        database = name.replace("-", "_")
        self.glue.create_database(DatabaseInput={"Name": database})
        for table in LINES:
            wanted = lines_input(table, bucket=name, days=days)
            if not days:
                wanted |= {"Parameters": {"EXTERNAL": "TRUE"}, "PartitionKeys": []}
            self.glue.create_table(DatabaseName=database, TableInput=wanted)
        for view in VIEWS:
            wanted = view_input(view, database=database)
            self.glue.create_table(DatabaseName=database, TableInput=wanted)
        return database
