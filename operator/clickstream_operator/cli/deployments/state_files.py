"""State files in a folder of Terraform, by workspace."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clickstream_operator.cli.errors import CliError, nearest

DEFAULT: Final = "default"
_STATE: Final = "terraform.tfstate"
_PULL: Final = "`terraform state pull > state.json`, then give state.json"


@dataclass(frozen=True, slots=True)
class StateFile:
    """Contents of a state file, and its name for people."""

    source: str
    content: bytes


def open_state(path: str, workspace: str | None) -> StateFile:
    """The state file of a path: a file, a folder of Terraform, or ``-`` for standard input.

    Raises:
        CliError: there is none, or a folder has several and nothing chooses one.
    """
    if path == "-":
        return StateFile("standard input", sys.stdin.buffer.read())
    where = Path(path)
    if not where.exists():
        raise CliError(f"{path}: no such file or folder", "give a state file or its folder")
    file = _in_folder(where, workspace) if where.is_dir() else where
    try:
        return StateFile(str(file), file.read_bytes())
    except OSError as error:
        raise CliError(f"{file}: {error.strerror}") from error


def _in_folder(folder: Path, workspace: str | None) -> Path:
    backend = _backend(folder)
    if backend:
        raise CliError(f"{folder}: the state is in the backend {backend}", _PULL)
    found = workspaces(folder)
    if not found:
        raise CliError(f"{folder}: no {_STATE} here", f"give the file; of a backend: {_PULL}")
    wanted = workspace or _selected(folder)
    if wanted:
        if wanted not in found:
            near = nearest(wanted, found)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(found)}"
            raise CliError(f"{folder}: no state of the workspace {wanted}", hint)
        return found[wanted]
    if len(found) > 1:
        raise CliError(
            f"{folder}: states of several workspaces: {', '.join(found)}",
            "choose one with --workspace",
        )
    return next(iter(found.values()))


def workspaces(folder: Path) -> dict[str, Path]:
    """State file of each workspace of a folder."""
    found = {}
    if (folder / _STATE).is_file():
        found[DEFAULT] = folder / _STATE
    for one in sorted((folder / f"{_STATE}.d").glob(f"*/{_STATE}")):
        found[one.parent.name] = one
    return found


def _selected(folder: Path) -> str:
    """The workspace that `terraform workspace select` chose; empty where it was never used."""
    file = folder / ".terraform" / "environment"
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""


def _backend(folder: Path) -> str:
    """Type of a backend elsewhere; empty where the state is in the folder."""
    file = folder / ".terraform" / _STATE
    if not file.is_file():
        return ""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        backend = document.get("backend") or {"type": "local"}
        kind = str(backend["type"])
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise CliError(f"{file}: broken: {error}", "run `terraform init`") from error
    return "" if kind == "local" else kind
