"""Each row of the property map: change the field, ask AWS itself, revert, ask again.

A full observation after each change and each revert must write nothing.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from docs.generator.conformance import conformance_page
from docs.generator.spec_fields import leaves
from sandbox import Sandbox
from tests.integration.pilot import ACCOUNT, Pilot, empty_aws
from tests.reliability import attributes
from tests.reliability.attributes import KINDS
from tests.reliability.campaign import CAMPAIGN, Campaign
from tests.reliability.probes import PROBES
from tests.reliability.property_map import QUESTIONS, ROWS, Row
from tests.tenant_grants import FOREIGN, granted

ROOT: Final = Path(__file__).parents[2]


def test_every_field_has_a_row_and_every_row_a_field() -> None:
    """A field without a row is a field that nobody knows to have an effect."""
    fields, mapped = {path for path, _ in leaves()}, {row.path for row in ROWS}
    assert not fields - mapped, "fields without a row in property_map.py"
    assert not mapped - fields, "rows of fields that the CRD does not have"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_complete(row: Row) -> None:
    """It says what is compared, or which tests prove it, and those exist."""
    if row.kind in {"aws", "function"}:
        assert row.before != row.after
        assert row.target in QUESTIONS or set(attributes.resources(row.target)) <= KINDS.keys()
        assert row.probe in PROBES if row.kind == "function" else not row.probe
        assert row.effect or row.kind == "aws"
    else:
        assert row.effect
        assert row.proofs
    for proof in row.proofs:
        path, _, name = proof.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = ast.FunctionDef | ast.AsyncFunctionDef
        assert name in {one.name for one in tree.body if isinstance(one, functions)}


def test_no_row_of_the_page_stands_twice() -> None:
    """Two rows that read the same would hide what the second one tries."""
    rows = Counter(line for line in conformance_page().splitlines() if line.startswith("| `"))
    assert [row for row, times in rows.items() if times > 1] == []


@pytest.fixture(scope="module")
def campaign(installed: Sandbox) -> Iterator[Campaign]:
    """The pipeline of the campaign, on a plain emulator.

    A row is about the final state in AWS. The way there, with AWS's states and limits, belongs to
    tests/integration; here it would take four times as long.
    """
    tenants = granted(function_roles=(f"arn:aws:iam::{ACCOUNT}:role/external",), **FOREIGN)
    with empty_aws(installed, plain=True):
        pilot = Pilot(installed, overrides={"tenants": tenants})
        yield Campaign(pilot)
        pilot.close()


@pytest.mark.parametrize("row", CAMPAIGN, ids=lambda row: row.name)
def test_the_field_has_its_effect_and_its_revert_takes_it_back(
    campaign: Campaign, row: Row
) -> None:
    """Before, after and reverted are the row's; full observations in between write nothing."""
    seen = campaign.see(row)
    found = {"before": seen.before, "after": seen.after, "reverted": seen.reverted}
    before, after = campaign.filled(row.before), campaign.filled(row.after)
    wanted = {"before": before, "after": after, "reverted": before}
    assert found == wanted, f"{found}, wanted {wanted}"
    assert not seen.writes, f"a full observation wrote {dict(seen.writes)}"
