"""Names of fields in the API."""

from __future__ import annotations

import pytest

from clickstream_operator.api.model import field_name


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        ("mode", "mode"),
        ("retention_hours", "retentionHours"),
        ("memory_mib", "memoryMiB"),
        ("max_record_size_kib", "maxRecordSizeKiB"),
        ("size_gib", "sizeGiB"),
        ("mib", "MiB"),
        ("mib_count", "mibCount"),
    ],
)
def test_a_field_is_camel_case_and_ends_with_its_unit(attribute: str, name: str) -> None:
    """A binary unit at the end keeps its own spelling."""
    assert field_name(attribute) == name
