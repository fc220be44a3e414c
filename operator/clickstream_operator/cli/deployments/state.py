"""Terraform's state file: its resources, or why it can't be read. Pure.

Format: HashiCorp Terraform, "State", version 4, which Terraform 0.12 and later and OpenTofu write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.cli.errors import CliError

VERSION: Final = 4
_PULL: Final = "give what `terraform state pull` prints"
_FIRST_BYTES: Final = {
    b"PK\x03\x04": "a saved plan or an archive",
    b"\x1f\x8b": "compressed",
}


@dataclass(frozen=True, slots=True)
class StateResource:
    """One instance of a managed resource."""

    type: str
    address: str
    """As `terraform state` takes it, for example ``module.shop["eu"].aws_sqs_queue.dlq``."""
    module: str
    """Address of its module; empty: the root."""
    attributes: Mapping[str, Any]
    tainted: bool = False

    def text(self, name: str) -> str:
        """An attribute that must be there.

        Raises:
            CliError: the state has none.
        """
        value = self.attributes.get(name)
        if not isinstance(value, str) or not value:
            raise CliError(
                f"{self.address} has no attribute {name} in the state",
                "run `terraform apply -refresh-only` and try again",
            )
        return value

    def number(self, name: str, default: int = 0) -> int:
        """A number; the default where the state has none."""
        value = self.attributes.get(name)
        return int(value) if isinstance(value, int | float) else default

    def block(self, name: str) -> Mapping[str, Any]:
        """The first block of a name; empty where there is none."""
        blocks = self.blocks(name)
        return blocks[0] if blocks else {}

    def blocks(self, name: str) -> list[Mapping[str, Any]]:
        """All blocks of a name."""
        value = self.attributes.get(name)
        return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

    def strings(self, name: str) -> dict[str, str]:
        """A map of strings."""
        value = self.attributes.get(name)
        pairs = value.items() if isinstance(value, dict) else ()
        return {key: item for key, item in pairs if isinstance(item, str)}


def read_state(content: bytes, source: str) -> list[StateResource]:
    """Instances of the managed resources of a state file.

    Raises:
        CliError: it is no state file of a version that is known, or it is broken.
    """
    document = _document(content, source)
    found = document.get("resources")
    if not isinstance(found, list):
        raise CliError(f"{source}: a state without a list of resources", _PULL)
    resources: list[StateResource] = []
    for number, one in enumerate(found):
        if not isinstance(one, dict):
            raise CliError(f"{source}: resources[{number}] is no object", _PULL)
        if one.get("mode") == "managed":
            resources += _instances(one, f"{source}: resources[{number}]")
    if not resources:
        raise CliError(
            f"{source}: the state has no resources",
            "nothing was applied, or this is not the workspace that was; choose with --workspace",
        )
    return resources


def _document(content: bytes, source: str) -> dict[str, Any]:
    if not content.strip():
        raise CliError(f"{source}: the file is empty", _PULL)
    for start, what in _FIRST_BYTES.items():
        if content.startswith(start):
            raise CliError(f"{source}: this is {what}, not a state file", _PULL)
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CliError(f"{source}: not a state file, which is JSON in UTF-8", _PULL) from error
    except json.JSONDecodeError as error:
        if b"\nresource " in content or content.startswith((b"resource ", b"terraform ")):
            raise CliError(f"{source}: this is a configuration, not its state", _PULL) from error
        raise CliError(
            f"{source}:{error.lineno}: broken: {error.msg}",
            "take its terraform.tfstate.backup, or give what `terraform state pull` prints",
        ) from error
    except RecursionError as error:
        raise CliError(f"{source}: broken: it nests too deeply", _PULL) from error
    if not isinstance(document, dict):
        raise CliError(f"{source}: not a state file, which is a JSON object", _PULL)
    _refuse_other_documents(document, source)
    return document


def _refuse_other_documents(document: Mapping[str, Any], source: str) -> None:
    """Tell what a JSON object is that is no state of version 4."""
    if "encrypted_data" in document:
        raise CliError(f"{source}: the state is encrypted", "give what `tofu state pull` prints")
    if "format_version" in document:
        raise CliError(f"{source}: this is the output of `terraform show -json`", _PULL)
    backend = document.get("backend")
    if isinstance(backend, dict) and not document.get("resources"):
        raise CliError(
            f"{source}: the state is not here but in the backend {backend.get('type', '')}", _PULL
        )
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise CliError(f"{source}: not a state file: it has no version", _PULL)
    if version < VERSION:
        raise CliError(
            f"{source}: version {version}, which Terraform 0.11 and older wrote",
            "run `terraform apply -refresh-only` with Terraform 1, which writes version 4",
        )
    if version > VERSION:
        raise CliError(
            f"{source}: version {version} is newer than the {VERSION} that this command knows",
            "install a newer version of it",
        )


def _instances(resource: Mapping[str, Any], where: str) -> Iterator[StateResource]:
    kind, name = resource.get("type"), resource.get("name")
    instances = resource.get("instances")
    if not isinstance(kind, str) or not isinstance(name, str) or not isinstance(instances, list):
        raise CliError(f"{where} lacks its type, name or instances", _PULL)
    module = str(resource.get("module") or "")
    address = f"{module}.{kind}.{name}" if module else f"{kind}.{name}"
    for one in instances:
        if not isinstance(one, dict):
            raise CliError(f"{where}: an instance is no object", _PULL)
        if "deposed" in one:
            # What is left of a replacement: another instance took its place.
            continue
        if "attributes_flat" in one:
            raise CliError(
                f"{address}: attributes as Terraform 0.11 wrote them",
                "run `terraform apply -refresh-only` with Terraform 1, which writes them anew",
            )
        attributes = one.get("attributes")
        if not isinstance(attributes, dict):
            raise CliError(f"{where}: {address} has no attributes", _PULL)
        key = one.get("index_key")
        index = "" if key is None else f"[{json.dumps(key, ensure_ascii=False)}]"
        yield StateResource(
            kind, f"{address}{index}", module, attributes, one.get("status") == "tainted"
        )
