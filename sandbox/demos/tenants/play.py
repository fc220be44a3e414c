"""Plays the attacks from start to end."""

from __future__ import annotations

from sandbox.demos.scripted.play import play as play_script
from sandbox.demos.tenants.session import Session
from sandbox.demos.tenants.steps import STEPS
from sandbox.instance import Sandbox


def play() -> tuple[Sandbox, bool]:
    """Play all attacks; whether each was stopped."""
    return play_script(
        "Starting the sandbox with IAM enforced, and the operator with the shipped policy",
        Session,
        STEPS,
        report="tenants.json",
        keep=False,
        iam_enforcement=True,
    )
