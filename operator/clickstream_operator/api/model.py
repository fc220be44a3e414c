"""What the models of the spec and of the status are made from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """Base of everything that comes from the API server: frozen, camelCase, unknown fields ignored.

    Unknown fields are ignored because an older operator may read an object that a newer CRD
    accepted.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        extra="ignore",
    )
