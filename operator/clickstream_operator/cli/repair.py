"""Repairs of a pipeline's data, done by the package `redrive` in a process of its own.

It is the functions' own code, which the operator's does not import (ADR 3).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.cli.aws import refuse_in_the_operators_pod
from clickstream_operator.cli.errors import CliError

_PACKAGED: Final = Path(__file__).with_name("functions")
_IN_THE_TREE: Final = Path(__file__).parents[3] / "lambdas"
_PREFIX: Final = "redrive: "


def folder() -> Path:
    """Folder of the functions' packages: in the wheel, or in the tree that it is built from."""
    return _PACKAGED if _PACKAGED.is_dir() else _IN_THE_TREE


def lines(
    effective: Effective, arguments: Sequence[str], *, profile: str | None
) -> Iterator[dict[str, Any]]:
    """Each result as it comes.

    Raises:
        CliError: something could not be repaired; says what, after the results.
    """
    refuse_in_the_operators_pod()
    environment = {
        **os.environ,
        "AWS_REGION": effective.region,
        "AWS_DEFAULT_REGION": effective.region,
        "PYTHONPATH": os.pathsep.join([str(folder()), *sys.path]),
        **({"AWS_PROFILE": profile} if profile else {}),
    }
    function = effective.names[components.PROCESSOR]
    # -P: what lies in the present folder is not run.
    command = [sys.executable, "-P", "-m", "redrive", "--function", function, *arguments]
    with subprocess.Popen(  # noqa: S603 - our own package, with arguments that were checked
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        if process.stdout is None or process.stderr is None:
            raise RuntimeError("a process with pipes has none")
        try:
            for line in process.stdout:
                yield json.loads(line)
            said = process.stderr.read().strip()
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        last = said.splitlines()[-1] if said else f"it ended with {process.returncode}"
        raise CliError(last.removeprefix(_PREFIX))


def text(line: dict[str, Any]) -> str:
    """A result in words."""
    key = line.get("key", "")
    parts = [
        f"{name.replace('_', ' ')} {_value(value)}"
        for name, value in line.items()
        if name != "key" and value not in (None, [], {}, "")
    ]
    return f"{key}: {', '.join(parts)}" if key else ", ".join(parts)


def _value(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
