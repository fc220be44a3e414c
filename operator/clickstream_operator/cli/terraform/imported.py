"""A resource of Terraform with the import block that takes over what is there. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clickstream_operator.cli.terraform.hcl import Block, Raw
from clickstream_operator.cli.terraform.reading import Found


@dataclass(frozen=True, slots=True)
class Imported:
    """One resource, and by which id Terraform finds it."""

    kind: str
    label: str
    id: str
    block: Block

    @property
    def address(self) -> str:
        """Its address in the root module."""
        return f"{self.kind}.{self.label}"

    def blocks(self) -> list[Block]:
        """The import, then the resource."""
        return [Block("import", (), {"to": Raw(self.address), "id": self.id}), self.block]


def label_of(name: str) -> str:
    """A name that Terraform takes for a resource."""
    label = re.sub(r"[^A-Za-z0-9_]+", "_", name)
    return label if re.match(r"[A-Za-z_]", label) else f"_{label}"


def reference(kind: str, one: Found) -> str:
    """The address of the resource that stands for a part of the pipeline."""
    return f"{kind}.{label_of(one.name)}"


def resource(
    kind: str,
    one: Found,
    identity: str,
    arguments: Mapping[str, Any],
    *blocks: Block,
    label: str = "",
    tags: bool = True,
) -> Imported:
    """A resource with its tags; `label` tells several of one part from one another."""
    name = label_of(f"{one.name}-{label}" if label else one.name)
    # AWS gives those itself.
    own = {key: one.tags[key] for key in sorted(one.tags) if not key.startswith("aws:")}
    given = {"tags": own} if tags and own else {}
    return Imported(
        kind, name, identity, Block("resource", (kind, name), {**arguments, **given}, blocks)
    )
