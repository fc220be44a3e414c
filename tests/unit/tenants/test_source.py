"""The watched file: the last good version stays, and nothing is allowed before the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from clickstream_operator.tenants import TenantsSource

GOOD = "tenants: [{namespaces: [team-a], regions: [eu-west-1]}]"


def test_without_a_file_everybody_has_the_defaults() -> None:
    """Nothing to read, nothing wrong."""
    source = TenantsSource()
    assert source.loaded
    assert not source.problem
    assert not source.refresh()
    assert source.grants("any").not_a_tenant() == ""


@pytest.mark.parametrize("broken", ["tenants: [", "tenants: [{namespaces: [x], all: true}]", None])
def test_a_broken_file_keeps_the_last_good_version(tmp_path: Path, broken: str | None) -> None:
    """It opens nothing and closes nothing; problem and metric say so until it is good again."""
    path, states = tmp_path / "tenants.yaml", list[bool]()
    path.write_text(GOOD)
    source = TenantsSource(path, on_state=states.append)
    before = source.grants("team-a")
    if broken is None:
        path.unlink()
    else:
        path.write_text(broken)
    assert not source.refresh()
    assert source.grants("team-a") == before
    assert source.grants("x").not_a_tenant()
    assert source.problem.startswith(f"CLICKSTREAM_TENANTS={path}: ")
    assert "the last good version stays in force" in source.problem
    path.write_text(GOOD.replace("team-a", "team-b"))
    assert source.refresh()
    assert not source.problem
    assert source.grants("team-a").not_a_tenant()
    assert states == [True, False, True]


def test_before_a_first_good_version_nothing_is_allowed(tmp_path: Path) -> None:
    """A start with a broken file is closed, not open."""
    path = tmp_path / "tenants.yaml"
    source = TenantsSource(path)
    assert not source.loaded
    assert "nothing is allowed" in source.problem
    assert source.grants("team-a").not_a_tenant()
    assert source.grants("team-a").refused_own_credential()
    path.write_text(GOOD)
    assert source.refresh()
    assert source.loaded


def test_a_change_of_words_alone_is_no_new_version(tmp_path: Path) -> None:
    """A comment reconciles no pipeline."""
    path = tmp_path / "tenants.yaml"
    path.write_text(GOOD)
    source = TenantsSource(path)
    path.write_text(f"# teams\n{GOOD}")
    assert not source.refresh()
