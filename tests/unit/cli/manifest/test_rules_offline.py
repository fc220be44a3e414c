"""`validate` refuses offline what the API server refuses, with its words, by the same tables.

The tests are those of the API server's own refusals; here `api` is the offline check.
"""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.cli.manifest import faults_of
from clickstream_operator.cli.manifest.schema import defaulted, object_schema
from tests.integration.manifests.objects import Json
from tests.integration.manifests.test_defaults import test_null_is_the_default
from tests.integration.manifests.test_fields import (
    test_choices_are_these_and_no_others,
    test_incomplete_objects_are_refused,
    test_lists_have_their_size,
    test_numbers_have_their_bounds,
    test_texts_have_their_form,
)
from tests.integration.manifests.test_rules import (
    test_all_faults_of_one_level_come_at_once,
    test_changes_of_a_live_object,
    test_names_that_are_refused,
    test_names_that_are_taken,
    test_rules_between_fields,
)

__all__ = [
    "test_all_faults_of_one_level_come_at_once",
    "test_changes_of_a_live_object",
    "test_choices_are_these_and_no_others",
    "test_incomplete_objects_are_refused",
    "test_lists_have_their_size",
    "test_names_that_are_refused",
    "test_names_that_are_taken",
    "test_null_is_the_default",
    "test_numbers_have_their_bounds",
    "test_rules_between_fields",
    "test_texts_have_their_form",
]


class Offline:
    """The check of `validate`, asked as the tests ask the API server."""

    def __init__(self) -> None:
        self._live: Json = {}

    def refusal(self, body: Json) -> str:
        """Why the object may not be created; empty when it may."""
        return "; ".join(map(str, faults_of(body)))

    def create(self, body: Json) -> Json:
        """Remember an object as the live one, and return it as it would be stored."""
        assert not faults_of(body)
        self._live = body
        stored: Json = defaulted({"spec": body.get("spec")}, object_schema())
        return stored

    def refusal_of_change(self, _name: str, body: Json) -> str:
        """Why the live object may not become this one; empty when it may."""
        return "; ".join(map(str, faults_of(body, old=self._live)))


@pytest.fixture
def api() -> Any:
    """The offline check."""
    return Offline()
