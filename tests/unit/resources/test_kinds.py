"""The contract that every kind of resource keeps."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import pytest

from clickstream_operator import resources
from clickstream_operator.engine.resource import Resource


def kinds() -> Iterator[type[Resource]]:
    """The kinds, from the modules that the package has."""
    for module in iter_modules(resources.__path__):
        for one in vars(import_module(f"{resources.__name__}.{module.name}")).values():
            if isinstance(one, type) and issubclass(one, Resource) and one is not Resource:
                yield one


KINDS = sorted(set(kinds()), key=lambda kind: kind.kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_kind_with_tags_writes_them_and_no_other_does(kind: type[Resource]) -> None:
    """Setting and removing belong to the contract; `update` is about properties."""
    for method in ("set_tags", "remove_tags"):
        assert (getattr(kind, method) is not getattr(Resource, method)) is kind.taggable
