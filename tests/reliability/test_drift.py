"""Drift is found in time, named, and reported, corrected or ignored as the policy says.

One pipeline with everything, on which all of `drift_map` happens at once: under Ignore, then the
same under Report, then Correct; then all again under Correct; then every resource is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from clickstream_operator.engine import plan
from clickstream_operator.engine.desired import Desired
from clickstream_operator.engine.resource import Resource
from sandbox import Sandbox
from tests.integration.pilot import ACCOUNT, Pilot, empty_aws
from tests.reliability import attributes, drift_map
from tests.reliability.drift_campaign import Drifts, Story
from tests.reliability.drift_map import CHANGES, DELETIONS, RESYNCS, Change
from tests.reliability.property_map import QUESTIONS, ROWS, Row
from tests.tenant_grants import FOREIGN, granted

# -- the table ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.target not in QUESTIONS], ids=lambda row: row.name
)
def test_a_row_has_its_drift_or_the_reason_for_none(row: Row) -> None:
    """A field whose attribute nobody changes behind the operator's back proves nothing about it."""
    entry = drift_map.drift_of(row.kind, row.target)
    assert entry.startswith("- ") or drift_map.observations_of(entry)


def test_every_change_has_its_own_name_and_a_place_where_aws_shows_it() -> None:
    """Two of one name could hide one another; the kind declares where each is shown."""
    names = [one.name for one in CHANGES]
    assert len(names) == len(set(names))
    assert all(attributes.readings_of(one.resource, one.path) for one in CHANGES)


# -- the campaign ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def story(installed: Sandbox) -> Iterator[Story]:
    """The campaign, run once.

    On a plain emulator: resyncs are counted here, and AWS's own pace is that of tests/integration.
    """
    with empty_aws(installed, plain=True), pytest.MonkeyPatch.context() as patch:
        desired: dict[str, set[str]] = {}
        decide = plan.decide

        def noted(resource: Resource, wanted: Desired, *rest: Any, **more: Any) -> plan.Change:
            desired.setdefault(resource.kind, set()).update(wanted.properties)
            return decide(resource, wanted, *rest, **more)

        patch.setattr(plan, "decide", noted)
        allowed = frozenset({f"arn:aws:iam::{ACCOUNT}:role/external"})
        pilot = Pilot(
            installed, overrides={"tenants": granted(function_roles=tuple(allowed), **FOREIGN)}
        )
        story = Drifts(pilot).live()
        story.desired = desired
        yield story
        pilot.close()


EACH: Final = pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.name)


@EACH
def test_it_was_really_changed(story: Story, change: Change) -> None:
    """AWS shows something else, or what follows would prove nothing."""
    assert change.name in story.changed


def test_every_property_is_changed_or_the_reason_is_known(story: Story) -> None:
    """A property that nobody changes here is one whose drift nobody notices."""
    kinds = story.all_resources
    changed = {f"{kinds[one.resource]}.{one.path}" for one in CHANGES}
    wanted = {f"{kind}.{path}" for kind, paths in story.desired.items() for path in paths}
    tagged = {kind for kind in kinds.values() if f"{kind}.tags" in changed}
    assert wanted - changed == drift_map.FIXED.keys()
    untagged = {"ConfigObject", "FunctionUrl", "Schedule", "SNSSubscription"}
    assert tagged == set(kinds.values()) - untagged


def test_ignored_drift_is_silent(story: Story) -> None:
    """No write, no Event, nothing in the status, in three resyncs."""
    assert (story.ignored_writes, story.ignored_events, story.ignored_drift) == (0, [], [])


@EACH
def test_reported_drift_is_named_in_time(story: Story, change: Change) -> None:
    """By resource and field, within one resync or three, and left as it is."""
    assert story.found[change.name] <= RESYNCS[change.observation]
    assert change.name in story.kept


def test_nothing_else_is_called_drift(story: Story) -> None:
    """Only what was changed, and the pipeline stays ready: it works, and nobody writes."""
    assert set(story.found) - {one.name for one in CHANGES} == drift_map.BESIDE
    assert story.reported_ready == {"True"}
    assert story.reported_writes == 0


@EACH
def test_drift_is_told_by_one_event(story: Story, change: Change) -> None:
    """The one of the resync that found it; not one for each resync."""
    about = [note for note in story.reported_events if _tells(note, change, "DriftDetected")]
    assert len(about) == 1


def test_lasting_drift_is_no_news(story: Story) -> None:
    """Three more resyncs, no more Events."""
    assert story.later_events == []


@EACH
def test_drift_is_put_back(story: Story, change: Change) -> None:
    """When the policy becomes Correct, and at once when it is Correct already."""
    assert change.name in story.put_back
    assert story.corrected[change.name] <= RESYNCS[change.observation]


@EACH
def test_correction_is_told_by_one_event(story: Story, change: Change) -> None:
    """With the resource and the field."""
    about = [note for note in story.corrected_events if _tells(note, change, "DriftCorrected")]
    # Lambda takes the code and the configuration one after the other.
    assert 1 <= len(about) <= (2 if change.resource == "detector" else 1)


def test_nothing_is_left_to_write(story: Story) -> None:
    """Three resyncs after the correction."""
    assert story.writes_at_rest == 0


def _tells(note: str, change: Change, reason: str) -> bool:
    said, _, rest = note.partition(": ")
    pattern = (
        rf"(?:^|; ){change.resource}: ([^;]*)"
        if reason == "DriftDetected"
        else rf"(?:^corrected |, ){change.resource} \(([^)]*)\)"
    )
    found = re.search(pattern, rest)
    return said == reason and found is not None and change.path in found[1].split(", ")


# -- deletion ----------------------------------------------------------------------------------


def test_every_resource_is_deleted_or_the_reason_is_known(story: Story) -> None:
    """A kind without its deletion here is one whose disappearance nobody notices."""
    kinds = set(story.all_resources.values())
    assert kinds == {one.kind for one in DELETIONS} | drift_map.NOT_BROUGHT_BACK.keys()


@pytest.mark.parametrize("deletion", DELETIONS, ids=lambda one: one.kind)
def test_a_deleted_resource_is_missed_and_made_again(
    story: Story, deletion: drift_map.Deletion
) -> None:
    """Report says so in time and makes nothing; Correct makes it again."""
    names = [name for name, kind in story.all_resources.items() if kind == deletion.kind]
    assert names
    for name in names:
        assert story.missing[name] <= RESYNCS[deletion.observation], name
        assert name in story.restored


def test_a_pipeline_with_something_missing_is_not_ready(story: Story) -> None:
    """Report makes nothing, and says so."""
    assert story.missing_ready == "False"
    assert story.missing_writes == 0
