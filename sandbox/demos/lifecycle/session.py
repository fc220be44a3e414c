"""The life of one pipeline: a scripted session with one operator."""

from __future__ import annotations

from typing import Final

from sandbox.demos.scripted.screen import Screen
from sandbox.demos.scripted.session import Session as Scripted
from sandbox.instance import Sandbox
from sandbox.operator_process import OperatorProcess

PIPELINE: Final = "lifecycle"


class Session(Scripted):
    """One pipeline's life, under one operator that runs."""

    def __init__(self, sandbox: Sandbox, screen: Screen) -> None:
        super().__init__(sandbox, screen, PIPELINE)
        self.operator = OperatorProcess(sandbox)
        self.operator.install()
        self.operator.start()

    def leave(self) -> None:
        """The operator keeps its port."""
        self.operator.release_port()
