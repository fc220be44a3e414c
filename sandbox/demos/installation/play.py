"""Plays the installation's life from start to end."""

from __future__ import annotations

from sandbox.demos.installation.session import Session
from sandbox.demos.installation.steps import STEPS, remove
from sandbox.demos.scripted.play import play as play_script
from sandbox.instance import Sandbox


def play(*, keep: bool) -> tuple[Sandbox, bool]:
    """Play all steps; whether each was as it should be. With `keep` the last one is left out."""
    return play_script(
        "Starting the sandbox with the strict AWS",
        Session,
        STEPS if keep else (*STEPS, remove),
        report="installation.json",
        keep=keep,
    )
