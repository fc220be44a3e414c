"""Plays the life from start to end."""

from __future__ import annotations

from sandbox.demos.lifecycle import endings
from sandbox.demos.lifecycle.session import Session
from sandbox.demos.lifecycle.steps import STEPS, base
from sandbox.demos.scripted.play import play as play_script
from sandbox.instance import Sandbox


def play(*, keep: bool) -> tuple[Sandbox, bool]:
    """Play all steps; whether each was as it should be. With `keep` the last end is left out."""
    last = () if keep else (lambda session: endings.end(session, base(session)),)
    return play_script(
        "Starting the sandbox with the strict AWS, and the operator",
        Session,
        (*STEPS, *last),
        report="lifecycle.json",
        keep=keep,
    )
