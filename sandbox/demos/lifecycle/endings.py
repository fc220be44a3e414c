"""The ends of a life: a deletion that is blocked, what is kept, the return, and nothing left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sandbox.demos.lifecycle.session import PIPELINE, Session
from sandbox.demos.scripted.session import condition

_TABLES: Final = ("page-metrics-table", "session-metrics-table", "counters-table")


def delete(session: Session, base: str) -> None:
    """A deletion says what blocks it, goes on when that is solved, and keeps what it should."""
    with session.step("Delete it: blocked first, then with the data retained"):
        session.apply(deletionPolicy={"archive": "Delete"})
        session.wait_ready()
        before = session.aws.owned(base)
        session.screen.command(f"kubectl delete csp {PIPELINE} --wait=false")
        session.sandbox.kubectl("delete", "csp", PIPELINE, "--wait=false")
        session.wait(
            "the deletion is blocked",
            lambda status: condition(status, "Stalled")["reason"] == "DeletionBlocked",
        )
        session.show_conditions()
        blocked = condition(session.status(), "Stalled")["message"]
        session.check(
            "the message says what blocks it and how to go on", blocked,
            "object versions and a remedy",
            right="object versions; empty it, or set spec.deletionPolicy.archive" in blocked,
        )  # fmt: skip
        data = _data(session)
        session.notes["data"] = data
        session.apply(deletionPolicy={"archive": "Retain"})
        session.wait_gone()
        left = session.aws.owned(base)
        retained = _retained(session)
        session.screen.aws(
            ("before", "after"),
            [(_short(one, base), "there", "retained" if one in left else "gone")
             for one in sorted(before)],
        )  # fmt: skip
        session.check("archive, tables and their key are kept, nothing else", left, retained)
        session.check("their data is as it was", _words(_data(session)), _words(data))


def return_again(session: Session, count: Callable[[], int]) -> None:
    """A pipeline of the same name takes back what it left, with nothing changed in it."""
    with session.step("Create it again: it takes back what it left"):
        names = session.names
        session.apply()
        session.wait_ready()
        session.show_conditions("Ready")
        before: dict[str, set[str]] = session.notes["data"]
        after = _data(session)
        session.screen.aws(
            ("when it was deleted", "now"),
            [(name, _amount(before[name]), _amount(after[name])) for name in before],
        )
        session.check("the names are the same", session.status()["effective"]["names"], names)
        lost = {name: len(before[name] - after[name]) for name in before}
        session.check("no item and no object was changed or lost", set(lost.values()), {0})
        counted = count()
        session.check("counting goes on where it was", counted, session.notes["sent"])


def end(session: Session, base: str) -> None:
    """Everything goes, because the spec says so."""
    with session.step("Delete it with everything in it"):
        protection = {**session.spec["tables"], "deletionProtection": False}
        session.apply(tables=protection, deletionPolicy={"archive": "Empty", "tables": "Delete"})
        session.wait_ready()
        before = session.aws.owned(base)
        session.screen.command(f"kubectl delete csp {PIPELINE} --wait=false")
        session.sandbox.kubectl("delete", "csp", PIPELINE, "--wait=false")
        session.wait_gone()
        left = session.aws.owned(base)
        row = ("things with a name of their own", str(len(before)), str(len(left)))
        session.screen.aws(("before", "after"), [row])
        session.check("nothing is left", left, set())


def _data(session: Session) -> dict[str, set[str]]:
    tables = {name: session.names[name] for name in _TABLES}
    return session.aws.data(session.names["archive"], tables)


def _retained(session: Session) -> set[str]:
    names = session.names
    tables = {f"table {names[name]}" for name in _TABLES}
    key = names["hash-key"].removeprefix("/clickstream/")
    return {*tables, f"bucket {names['archive']}", f"parameter {key}"}


def _amount(parts: set[str]) -> str:
    return f"{len(parts)} items" if len(parts) != 1 else "1 item"


def _words(data: Mapping[str, set[str]]) -> str:
    return ", ".join(f"{name}: {_amount(parts)}" for name, parts in data.items())


def _short(resource: str, base: str) -> str:
    kind, _, name = resource.partition(" ")
    if kind == "log":  # "log group"
        kind, name = "log group", name.removeprefix("group ")
    return f"{kind} {name.removeprefix(base).lstrip('-/')}".rstrip()
