"""The command line as such: help, wrong usage, failures in one line, closed pipes, completion."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from clickstream_operator.cli import __main__ as entry
from clickstream_operator.cli import kubectl_completion
from clickstream_operator.cli.app import TABLE, app
from clickstream_operator.cli.command import DEBUG
from clickstream_operator.cli.errors import CliError, nearest
from tests.terminal import CLICKSTREAM, on_terminal, piped, process


@pytest.mark.parametrize("name", TABLE)
def test_a_command_is_as_the_table_says(name: str) -> None:
    """The help lists it without loading it, so the summary stands in both places."""
    command = app.get_command(click.Context(app, **app.context_settings), name)
    assert command is not None
    assert command.name == name
    first = (command.help or "").split("\n\n")[0]
    assert " ".join(first.split()) == TABLE[name].summary
    assert any("--debug" in parameter.opts for parameter in command.params)


def test_the_table_has_every_command() -> None:
    """A command that nobody can call would be there in vain."""
    folder = Path(import_module("clickstream_operator.cli.commands").__path__[0])
    modules = {path.stem.rstrip("_").replace("_", "-") for path in folder.glob("*.py")}
    assert modules - {"--init"} == set(TABLE)


def test_the_help_loads_no_command_and_no_library_of_one() -> None:
    """It answers at once, whatever the commands need."""
    code = (
        "import sys; from clickstream_operator.cli.__main__ import run; run(['--help'], name='x'); "
        "print([m for m in sys.modules if m.startswith('clickstream_operator.cli.commands.') or "
        "m.partition('.')[0] in {'rich', 'boto3', 'kubernetes', 'pydantic', 'yaml', 'cel'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explan"], "there is no command explan; did you mean explain?"),
        (["zzz"], "there is no command zzz; --help lists the commands"),
        (["explain", "--nope"], "No such option '--nope'."),
        (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
    ],
)
def test_wrong_usage_is_told_with_the_way_out(arguments: list[str], said: str) -> None:
    """Two lines on standard error, nothing on standard output, exit code 3."""
    done = piped(arguments)
    assert done.returncode == 3
    assert done.stdout == ""
    fault, way = done.stderr.splitlines()
    assert said in fault
    assert way.startswith("see: clickstream")


def test_without_a_command_the_help_is_shown() -> None:
    """Who types the name alone learns what there is; a script learns that nothing was done."""
    done = piped([])
    assert done.returncode == 3
    assert "explain" in done.stdout


def test_as_a_plugin_it_calls_itself_so() -> None:
    """As kubectl starts the plugin by its file's name; usage shows what a person typed."""
    assert entry.program_name("/usr/bin/kubectl-clickstream") == "kubectl clickstream"
    assert entry.program_name("/usr/bin/clickstream") == "clickstream"
    plugin = f"{CLICKSTREAM.rpartition('/')[0]}/kubectl-clickstream"
    done = subprocess.run([plugin, "explain", "-h"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: kubectl clickstream explain")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """A command `version` that raises the error put into the list."""
    errors: list[Exception] = []

    def fail() -> None:
        raise errors[0]

    command = click.Command("version", callback=fail)
    monkeypatch.setattr(app, "get_command", lambda _context, _name: command)
    return errors


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (CliError("no such thing", "make one"), "error: no such thing; make one\n"),
        (FileNotFoundError(2, "No such file", "x.yaml"), "error: x.yaml: No such file\n"),
        (
            ValueError("odd\nvalue"),
            "error: ValueError: odd value; run it again with --debug, and report what it shows\n",
        ),
    ],
)
def test_a_failure_is_one_line(
    failing: list[Exception], capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    """With what to do, and without a traceback."""
    failing.append(error)
    assert entry.run(["version"], name="clickstream") == 1
    assert capsys.readouterr() == ("", line)


def test_debug_shows_where_it_failed(failing: list[Exception]) -> None:
    """With --debug the error leaves the command as it is."""
    failing.append(CliError("deep inside"))
    with pytest.raises(CliError, match="deep inside"):
        entry.run(["--debug", "version"], name="clickstream")
    assert DEBUG


def test_ctrl_c_is_no_failure(failing: list[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with the code that shells expect."""
    failing.append(click.Abort())
    assert entry.run(["version"], name="clickstream") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_closed_pipe_ends_it_without_a_word() -> None:
    """As `clickstream explain | head -1` does to it."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [CLICKSTREAM, "explain", "AccessDenied"],
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == b""


def test_a_shell_completes_commands() -> None:
    """By the script that the tool prints."""
    script = piped(["completion", "bash"]).stdout
    assert "_CLICKSTREAM_COMPLETE=bash_complete" in script
    asked = {
        "_CLICKSTREAM_COMPLETE": "bash_complete",
        "COMP_WORDS": "clickstream expl",
        "COMP_CWORD": "1",
    }
    assert process([], environment=asked).stdout == "plain,explain\n"


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["expl"], [f"explain\t{TABLE['explain'].summary}", ":4"]),
        (["explain", "accessd"], ["AccessDenied", ":4"]),
        ([], [*(f"{name}\t{entry.summary}" for name, entry in TABLE.items()), ":4"]),
    ],
)
def test_kubectl_completes_its_plugin(words: list[str], lines: list[str]) -> None:
    """Candidates with their help, and the directive that no file is meant."""
    assert kubectl_completion.completions(words) == lines


@pytest.mark.parametrize("columns", [40, 80])
def test_help_keeps_to_the_terminal(columns: int) -> None:
    """No line is longer than the terminal is wide."""
    code, shown = on_terminal(["--help"], columns=columns)
    assert code == 0
    assert max(map(len, shown.splitlines())) <= columns


def test_nearest_finds_a_name_whatever_its_case() -> None:
    """A mistyped word meets the known one; a strange one meets none."""
    assert nearest("accesdenied", ["AccessDenied", "Throttled"]) == "AccessDenied"
    assert nearest("zzzz", ["AccessDenied"]) == ""
