"""Options that several commands share, with kubectl's names."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

_ACCOUNT_DIGITS: Final = 12
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
            default=_region,
            show_default="AWS_REGION, else us-east-1",
            help="Region of manifests that name none.",
        ),
        click.option("--account", default="123456789012", show_default=True, callback=_is_account),
    ):
        function = option(function)
    return function


def _region() -> str:
    names = ("AWS_REGION", "AWS_DEFAULT_REGION")
    return next((os.environ[name] for name in names if os.environ.get(name)), "us-east-1")


def _is_account(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if len(value) != _ACCOUNT_DIGITS or not value.isdecimal():
        raise click.BadParameter(f"{value} is no AWS account; write its 12 digits")
    return value
