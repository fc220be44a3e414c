"""What the models of the spec and of the status are made from."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

#: A binary unit at the end of a name: in lower case in Python, as it is written in the API.
_UNITS: Final = {"kib": "KiB", "mib": "MiB", "gib": "GiB"}


def field_name(attribute: str) -> str:
    """The name in the API of an attribute: ``memory_mib`` is ``memoryMiB``."""
    stem, _, unit = attribute.rpartition("_")
    return to_camel(stem) + _UNITS[unit] if unit in _UNITS else to_camel(attribute)


class Model(BaseModel):
    """Base of everything that comes from the API server: frozen, camelCase, unknown fields ignored.

    Unknown fields are ignored because an older operator may read an object that a newer CRD
    accepted.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=field_name,
        populate_by_name=True,
        use_attribute_docstrings=True,
        extra="ignore",
    )
