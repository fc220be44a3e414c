"""Plays the life from start to end."""

from __future__ import annotations

from sandbox.instance import Sandbox
from sandbox.lifecycle import endings
from sandbox.lifecycle.session import Session
from sandbox.lifecycle.steps import STEPS, base
from sandbox.scripted.play import play as play_script


def play(*, keep: bool) -> tuple[Sandbox, bool]:
    """Play all steps; whether each was as it should be. With `keep` the last end is left out."""
    last = () if keep else (lambda session: endings.end(session, base(session)),)
    return play_script(
        "Starting the sandbox with the hard AWS, and the operator",
        Session,
        (*STEPS, *last),
        report="lifecycle.json",
        keep=keep,
    )
