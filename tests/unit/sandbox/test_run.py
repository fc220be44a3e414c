"""The record of a run is what makes a crash recoverable."""

import json
from pathlib import Path

import pytest

from sandbox import SandboxError
from sandbox.processes.process import marked
from sandbox.processes.run import Program, Run


def program(*command: str, ready: bool = True) -> Program:
    """Return a program with a fixed readiness."""
    return Program("probe", list(command), "http://127.0.0.1:1", lambda: ready)


def test_a_record_survives_its_writer(tmp_path: Path) -> None:
    """What was recorded can be read and stopped by another process object."""
    run = Run.create(tmp_path)
    run.facts = {"KUBECONFIG": "somewhere"}
    run.start(program("/bin/sleep", "600"))
    run.confirm()

    loaded = Run.load(tmp_path)
    assert loaded is not None
    assert (loaded.mark, loaded.facts, loaded.components) == (
        run.mark,
        run.facts,
        run.components,
    )
    assert loaded.running()
    loaded.stop()
    assert not run.running()
    assert not tmp_path.exists()


def test_no_record_is_no_run(tmp_path: Path) -> None:
    """An empty folder is not an error."""
    assert Run.load(tmp_path) is None


def test_an_unreadable_record_is_named(tmp_path: Path) -> None:
    """Guessing which processes to end would be worse than stopping here."""
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(SandboxError, match=r"state\.json is not readable"):
        Run.load(tmp_path)


def test_a_program_that_ends_early_shows_its_log(tmp_path: Path) -> None:
    """The user sees why, not only that."""
    run = Run.create(tmp_path)
    with pytest.raises(SandboxError, match=r"(?s)probe ended\..*no such flag"):
        run.start(program("/bin/sh", "-c", "sleep 0.1; echo no such flag; exit 2", ready=False))
    run.stop()


def test_a_program_that_never_gets_ready_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting has an end, and stopping ends what was waited for."""
    monkeypatch.setattr("sandbox.processes.run._START_SECONDS", 0.0)
    run = Run.create(tmp_path)
    with pytest.raises(SandboxError, match="probe was not ready after 0 s"):
        run.start(program("/bin/sleep", "600", ready=False))
    run.stop()
    assert marked(run.mark) == []


def test_a_process_that_was_never_recorded_is_found_by_its_mark(tmp_path: Path) -> None:
    """A starter killed between start and record leaves nothing behind either."""
    run = Run.create(tmp_path)
    run.launch(program("/bin/sleep", "600"))
    record = json.loads((tmp_path / "state.json").read_text())
    (tmp_path / "state.json").write_text(json.dumps({**record, "components": {}}))

    loaded = Run.load(tmp_path)
    assert loaded is not None
    assert len(marked(run.mark)) == 1
    loaded.stop()
    assert marked(run.mark) == []


def test_stopping_one_component_leaves_the_others(tmp_path: Path) -> None:
    """The emulator can go away alone."""
    run = Run.create(tmp_path)
    run.launch(Program("one", ["/bin/sleep", "600"], "", lambda: True))
    run.launch(Program("two", ["/bin/sleep", "600"], "", lambda: True))
    run.confirm()
    run.stop_component("one")
    run.stop_component("one")
    assert list(run.components) == ["two"]
    assert run.running()
    run.stop()


def test_an_interrupted_start_is_not_a_running_sandbox(tmp_path: Path) -> None:
    """All that was started runs, but the last component never was: `up` must start again."""
    run = Run.create(tmp_path)
    run.start(program("/bin/sleep", "600"))
    loaded = Run.load(tmp_path)
    assert loaded is not None
    assert not loaded.running()
    loaded.stop()
