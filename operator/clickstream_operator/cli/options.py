"""Options that several commands share, with kubectl's names."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import click

_ACCOUNT_DIGITS: Final = 12
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_Function = TypeVar("_Function", bound=Callable[..., Any])


def file_options(*, required: bool = True) -> Callable[[_Function], _Function]:
    """``-f``, repeatable, and ``-R``: parameters `files` and `recursive`."""
    recursive = click.option(
        "-R", "--recursive", is_flag=True, help="Go through folders inside of folders, too."
    )
    files = click.option(
        "-f",
        "--filename",
        "files",
        multiple=True,
        required=required,
        type=click.Path(allow_dash=True),
        help="Manifest, folder, or - for standard input; may be given several times.",
    )
    return lambda function: files(recursive(function))


def place_options(function: _Function) -> _Function:
    """Where an offline pipeline is to be: `account`, `region`, `namespace`, `cluster`."""
    for option in (
        click.option(
            "--cluster-id",
            "cluster",
            default="example",
            show_default=True,
            help="Id of the cluster: the uid of its namespace kube-system.",
        ),
        click.option("-n", "--namespace", default="default", show_default=True),
        click.option(
            "--region",
            default=region_or_us_east_1,
            show_default="AWS_REGION, else us-east-1",
            help="Region of manifests that name none.",
        ),
        click.option("--account", default="123456789012", show_default=True, callback=_is_account),
    ):
        function = option(function)
    return function


class Moment(click.ParamType[datetime]):
    """A time: so long ago (``90m``, ``24h``, ``7d``), ``now``, or ISO 8601, in UTC without zone."""

    name = "time"

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The time in UTC."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        if text == "now":
            return self._clock()
        unit = _UNITS.get(text[-1:], "")
        if unit and text[:-1].isdecimal():
            try:
                return self._clock() - timedelta(**{unit: int(text[:-1])})
            except OverflowError:
                self.fail(f"{text} is before all times", param, ctx)
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text} is no time; write 90m, 24h, 7d or 2026-11-23T12:00", param, ctx)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def default_region() -> str:
    """Region of the environment; empty without one."""
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def region_or_us_east_1() -> str:
    """Region of the environment, else us-east-1."""
    return default_region() or "us-east-1"


def _is_account(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if len(value) != _ACCOUNT_DIGITS or not value.isdecimal():
        raise click.BadParameter(f"{value} is no AWS account; write its 12 digits")
    return value
