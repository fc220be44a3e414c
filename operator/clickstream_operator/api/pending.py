"""Fields that this version accepts and does not act on yet: each is answered, none ignored."""

from __future__ import annotations

from clickstream_operator.api.spec import Spec


def fields_without_effect(spec: Spec) -> list[str]:
    """Paths of set fields that have no effect yet: none in this version.

    The place for a field that the API has before the code that honours it.
    """
    del spec
    return []
