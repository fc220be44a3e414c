"""Base model of spec and status, and the names of fields in the API."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

#: Binary units at the end of a name, by their spelling in Python.
_UNITS: Final = {"kib": "KiB", "mib": "MiB", "gib": "GiB", "mibps": "MiBps"}


def field_name(attribute: str) -> str:
    """Name of an attribute in the API: ``memory_mib`` is ``memoryMiB``."""
    stem, _, unit = attribute.rpartition("_")
    return to_camel(stem) + _UNITS[unit] if unit in _UNITS else to_camel(attribute)


class Model(BaseModel):
    """Base of all models of the API: frozen, camelCase, without unknown fields.

    Unknown fields are ignored, because an older operator may read an object that a newer CRD
    accepted.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=field_name,
        populate_by_name=True,
        use_attribute_docstrings=True,
        extra="ignore",
    )
