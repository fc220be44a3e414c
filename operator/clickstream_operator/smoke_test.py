"""Smoke test of an installation, for ``helm test``.

It runs in a Pod of its own, with the ServiceAccount and the environment of the operator:
``python -m clickstream_operator.smoke_test http://<service>:<port>``.
"""

from __future__ import annotations

import asyncio
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import click

from clickstream_operator import settings
from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session import AwsSession
from clickstream_operator.settings import Settings, SettingsError

_TIMEOUT_SECONDS: Final = 10.0


class Fault(Exception):
    """A check failed; the message has the remedy."""


@click.command()
@click.argument("address")
def main(address: str) -> None:
    """Check the operator at ADDRESS and its AWS credential. Exit code 1 if a check fails."""
    failed = False
    for name, check in _checks(address.rstrip("/")):
        try:
            click.echo(f"ok    {name}: {check()}")
        except Fault as fault:
            failed = True
            click.echo(f"FAIL  {name}: {fault}")
    sys.exit(1 if failed else 0)


def _checks(address: str) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "operator", lambda: operator_answer(address)
    yield "metrics", lambda: metrics_answer(address)
    yield "credentials", lambda: asyncio.run(identity(_load()))


def operator_answer(address: str) -> str:
    """Answer of ``/readyz``.

    Raises:
        Fault: the operator does not answer, or is not ready.
    """
    return _get(f"{address}/readyz").strip()


def metrics_answer(address: str) -> str:
    """Number of metrics.

    Raises:
        Fault: ``/metrics`` does not answer.
    """
    lines = _get(f"{address}/metrics").splitlines()
    return f"{sum(line.startswith('# TYPE ') for line in lines)} families"


async def identity(chosen: Settings) -> str:
    """Account of the operator's credential, and its region.

    Raises:
        Fault: there is no credential, or AWS refuses it.
    """
    region = chosen.default_region()
    if not region:
        return "not checked, because there is no default region; each pipeline checks its own"
    with ThreadPoolExecutor(1) as pool:
        session = AwsSession(
            region=region, executor=pool, limits=Limits(enabled=False), on_call=lambda _record: None
        )
        try:
            found = await session.identity()
        except AwsError as error:
            raise Fault(
                f"{error}; set aws.auth in the chart's values, and check that the role trusts this "
                "ServiceAccount"
            ) from error
    return f"account {found.account}, {region}"


def _load() -> Settings:
    try:
        return settings.load()
    except SettingsError as error:
        raise Fault(str(error)) from error


def _get(address: str) -> str:
    if not address.startswith(("http://", "https://")):
        raise Fault(f"{address} is not an HTTP address: write http://<service>:<port>")
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            said = error.read().decode(errors="replace").strip()
        raise Fault(f"{address} answers {error.code}: {said}") from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise Fault(
            f"{address} does not answer ({reason}); see the operator's Pod and its log"
        ) from error


if __name__ == "__main__":
    main()
