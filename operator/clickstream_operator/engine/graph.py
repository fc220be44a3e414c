"""Dependency order: every resource as soon as its dependencies are done, siblings concurrently."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from graphlib import TopologicalSorter
from typing import TypeVar

from clickstream_operator.engine.resource import Resource

R = TypeVar("R", bound=Resource)


async def walk(
    resources: Iterable[R],
    visit: Callable[[R], Awaitable[None]],
    *,
    reverse: bool = False,
) -> None:
    """Visit each resource after those it depends on; with `reverse`, after those that depend on it.

    `visit` must not raise: it stores its result itself.

    Raises:
        graphlib.CycleError: the dependencies form a cycle.
    """
    by_name = {resource.name: resource for resource in resources}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for resource in by_name.values():
        sorter.add(resource.name)
        for dependency in resource.depends_on & by_name.keys():
            if reverse:
                sorter.add(dependency, resource.name)
            else:
                sorter.add(resource.name, dependency)
    sorter.prepare()
    running: dict[asyncio.Task[None], str] = {}
    try:
        while sorter.is_active():
            for name in sorter.get_ready():
                running[asyncio.ensure_future(visit(by_name[name]))] = name
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                name = running.pop(task)
                task.result()
                sorter.done(name)
    finally:
        for task in running:
            task.cancel()
        if running:
            # Their requests may be under way, and must land before anything is observed.
            await asyncio.wait(running)
