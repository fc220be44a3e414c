"""Plays the installation's life from start to end."""

from __future__ import annotations

from sandbox.installation.session import Session
from sandbox.installation.steps import STEPS, remove
from sandbox.instance import Sandbox
from sandbox.scripted.play import play as play_script


def play(*, keep: bool) -> tuple[Sandbox, bool]:
    """Play all steps; whether each was as it should be. With `keep` the last one is left out."""
    return play_script(
        "Starting the sandbox with the hard AWS",
        Session,
        STEPS if keep else (*STEPS, remove),
        report="installation.json",
        keep=keep,
    )
