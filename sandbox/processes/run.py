"""One run of the sandbox: the processes that it started and the folder that holds all its files.

The record (`state.json`) is written before the first process starts and after each one, so that
whoever comes after a crash can end exactly what the run left, and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.processes.peers import OTHER_USER
from sandbox.processes.process import Process, marked, spawn, stop, tail

_RECORD = "state.json"
_START_SECONDS = 120.0
_POLL = 0.02
_SWEEPS = 5


@dataclass(frozen=True, slots=True)
class Program:
    """One program to start, and how it tells that it is ready."""

    name: str
    command: list[str]
    address: str
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Component:
    """One program that was started."""

    name: str
    address: str
    process: Process


class Run:
    """The processes, files and facts of one run; `facts` is what a later command wants to know."""

    def __init__(
        self,
        folder: Path,
        mark: str,
        *,
        facts: dict[str, str],
        components: dict[str, Component],
        complete: bool,
    ) -> None:
        self.folder = folder
        self.mark = mark
        self.facts = facts
        self.components = components
        self.complete = complete

    @classmethod
    def create(cls, folder: Path) -> Run:
        """Record a new run in `folder`, which exists and is empty."""
        for name in ("home", "logs", "tmp"):
            (folder / name).mkdir()
        run = cls(folder, uuid.uuid4().hex, facts={}, components={}, complete=False)
        run.save()
        return run

    @classmethod
    def load(cls, folder: Path) -> Run | None:
        """Read the run recorded in `folder`; None when there is none."""
        try:
            record: dict[str, Any] = json.loads((folder / _RECORD).read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise SandboxError(f"{folder / _RECORD} is not readable ({error}).") from error
        components = {}
        for name, entry in record["components"].items():
            identity = entry["process"]
            process = Process(**{**identity, "command": tuple(identity["command"])})
            components[name] = Component(name, entry["address"], process)
        return cls(
            folder,
            record["mark"],
            facts=record["facts"],
            components=components,
            complete=record["complete"],
        )

    def save(self) -> None:
        """Write the record, complete or not at all."""
        record = {
            "mark": self.mark,
            "complete": self.complete,
            "facts": self.facts,
            "components": {name: asdict(value) for name, value in self.components.items()},
        }
        part = self.folder / f"{_RECORD}.part"
        part.write_text(json.dumps(record, indent=2))
        part.replace(self.folder / _RECORD)

    def start(self, *programs: Program) -> None:
        """Start `programs` side by side and wait until each is ready.

        Raises `SandboxError` with the end of its log when one ends or takes too long.
        """
        for program in programs:
            self.launch(program)
        deadline = time.monotonic() + _START_SECONDS
        waiting = list(programs)
        while waiting := [program for program in waiting if not program.ready()]:
            for program in waiting:
                if not self.components[program.name].process.alive():
                    raise SandboxError(f"{program.name} ended.\n{tail(self.log(program.name))}")
            if time.monotonic() >= deadline:
                name = waiting[0].name
                raise SandboxError(
                    f"{name} was not ready after {_START_SECONDS:.0f} s.\n{tail(self.log(name))}"
                )
            time.sleep(_POLL)

    def launch(self, program: Program) -> None:
        """Start `program` and record it, without waiting until it is ready."""
        process = spawn(
            program.command,
            environment={
                "HOME": str(self.folder / "home"),
                "LANG": "C.UTF-8",
                "PATH": os.defpath,
                "TMPDIR": str(self.folder / "tmp"),
                OTHER_USER: os.environ.get(OTHER_USER, ""),
                **program.environment,
            },
            mark=f"{self.mark}/{program.name}",
            directory=self.folder,
            log=self.log(program.name),
        )
        self.components[program.name] = Component(program.name, program.address, process)
        self.save()

    def log(self, name: str) -> Path:
        """Return the log file of the component `name`."""
        return self.folder / "logs" / f"{name}.log"

    def confirm(self) -> None:
        """Record that every component has been started."""
        self.complete = True
        self.save()

    def running(self) -> bool:
        """Tell whether everything was started and still runs."""
        components = self.components.values()
        return self.complete and all(component.process.alive() for component in components)

    def stop_component(self, name: str) -> None:
        """End one component and every process that it started."""
        component = self.components.pop(name, None)
        if component is not None:
            stop([component.process])
        self._stop_marked(f"{self.mark}/{name}")
        self.save()

    def stop(self) -> None:
        """End every process of this run, the store after its users, and remove the folder."""
        processes = {name: component.process for name, component in self.components.items()}
        store = processes.pop("etcd", None)
        stop(processes.values())
        stop([store] if store else [])
        self._stop_marked(self.mark)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _stop_marked(self, mark: str) -> None:
        # One sweep may miss a child that is being started by a process that the sweep ends.
        for _ in range(_SWEEPS):
            strays = [process for process in marked(mark) if process.pid != os.getpid()]
            if not strays:
                return
            stop(strays)
        pids = ", ".join(str(process.pid) for process in strays)
        raise SandboxError(f"These processes of the sandbox could not be ended: {pids}.")
