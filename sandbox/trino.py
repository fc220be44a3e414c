"""One Trino on loopback, over the tables and objects of an AWS emulator."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import ProxyHandler, Request, build_opener

from sandbox.aws.emulator import ACCOUNT, REGION
from sandbox.processes.ports import Reservation
from sandbox.processes.run import Program
from sandbox.programs import trino

NAME: Final = "trino"
CATALOG: Final = "awsdatacatalog"
"""Athena's name of the catalog that Glue keeps."""
_HEAP: Final = "768m"
_JVM: Final = (
    f"-Xmx{_HEAP}",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # Short queries: compiling twice costs more than it gains.
    "-XX:ReservedCodeCacheSize=160m",
    "-XX:MaxDirectMemorySize=128m",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "-Duser.timezone=UTC",
    "-Djdk.attach.allowAttachSelf=true",
    # The emulator asks the system who calls, in the table of IPv4.
    "-Djava.net.preferIPv4Stack=true",
    "--add-modules=jdk.incubator.vector",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)
_TIMEOUT: Final = 240.0


class TrinoError(Exception):
    """A query that Trino refuses; `line` and `column` are 0 where it names none."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        place = error.get("errorLocation", {})
        self.line = int(place.get("lineNumber", 0))
        self.column = int(place.get("columnNumber", 0))


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as the protocol has them: times and decimals are text. `types` by column."""

    types: tuple[tuple[str, str], ...]
    rows: list[tuple[Any, ...]]


class Trino:
    """A server whose catalog is the Glue of an emulator.

    Args:
        folder: an empty folder of its own.
        endpoint: of the emulator.
    """

    def __init__(self, folder: Path, endpoint: str) -> None:
        self._folder = folder
        self._endpoint = endpoint
        self._port = Reservation()
        self._opener = build_opener(ProxyHandler({}))

    def program(self) -> Program:
        """Write its configuration and return the program to start.

        Raises:
            SandboxError: it can't be assembled on this machine.
        """
        programs = trino.locate()
        self._configure(programs)
        return Program(
            name=NAME,
            command=[
                str(trino.java() / "java"),
                *_JVM,
                f"-Dconfig={self._folder}/config.properties",
                f"-Dlog.levels-file={self._folder}/log.properties",
                "-cp",
                f"{programs}/start:{programs}/lib/*",
                "Start",
                trino.version(),
            ],
            address=f"http://{self._port.address}",
            ready=self._ready,
        )

    def query(self, text: str, *, schema: str = "") -> Answer:
        """Return the rows of a query.

        Raises:
            TrinoError: Trino refuses it.
        """
        headers = {"X-Trino-User": "test", "X-Trino-Catalog": CATALOG, "X-Trino-Schema": schema}
        url = f"http://{self._port.address}/v1/statement"
        body: bytes | None = text.encode()
        types: tuple[tuple[str, str], ...] = ()
        rows: list[tuple[Any, ...]] = []
        until = time.monotonic() + _TIMEOUT
        while url:
            answer = self._call(url, headers, body)
            if "error" in answer:
                raise TrinoError(answer["error"])
            if time.monotonic() > until:
                raise TimeoutError(text)
            types = (
                tuple((each["name"], each["type"]) for each in answer.get("columns", ())) or types
            )
            rows += [tuple(row) for row in answer.get("data", ())]
            url, body = answer.get("nextUri", ""), None
        return Answer(types, rows)

    def release_port(self) -> None:
        """Drop the reservation of the port."""
        self._port.release()

    def _configure(self, programs: Path) -> None:
        credential = (ACCOUNT, "emulated")
        files: dict[str, dict[str, Any]] = {
            "config.properties": {
                "node.environment": "sandbox",
                "node.id": "one",
                "node.bind-ip": "127.0.0.1",
                "node.internal-address": "127.0.0.1",
                "coordinator": "true",
                "node-scheduler.include-coordinator": "true",
                "http-server.http.port": self._port.port,
                "discovery.uri": f"http://{self._port.address}",
                "catalog.config-dir": f"{self._folder}/catalog",
                "plugin.dir": f"{programs}/plugin",
                "query.max-memory": "400MB",
                "query.max-memory-per-node": "400MB",
                "memory.heap-headroom-per-node": "160MB",
                "web-ui.enabled": "false",
            },
            "log.properties": {"io.trino": "ERROR", "org.eclipse.jetty": "ERROR"},
            f"catalog/{CATALOG}.properties": {
                "connector.name": "hive",
                "hive.metastore": "glue",
                "hive.metastore.glue.region": REGION,
                "hive.metastore.glue.endpoint-url": self._endpoint,
                "hive.metastore.glue.aws-access-key": credential[0],
                "hive.metastore.glue.aws-secret-key": credential[1],
                "hive.metastore-cache-ttl": "0s",
                "hive.partition-projection-enabled": "true",
                "hive.recursive-directories": "true",
                "fs.s3.enabled": "true",
                "s3.endpoint": self._endpoint,
                "s3.region": REGION,
                "s3.path-style-access": "true",
                "s3.aws-access-key": credential[0],
                "s3.aws-secret-key": credential[1],
            },
        }
        for name, properties in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))

    def _ready(self) -> bool:
        try:
            return self._call(f"http://{self._port.address}/v1/info", {}, None)["starting"] is False
        except OSError:
            return False

    def _call(self, url: str, headers: dict[str, str], body: bytes | None) -> dict[str, Any]:
        request = Request(url, data=body, headers=headers)  # noqa: S310 - http on loopback
        with self._opener.open(request, timeout=_TIMEOUT) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
