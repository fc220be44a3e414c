"""Reports: named queries over the views."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

_MOST_STEPS: Final = 20
_WINDOW = re.compile(r"(\d+)([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class ReportError(Exception):
    """An argument of a report that is missing or wrong. The text names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report. `kind` names the rows that it reads: `raw` or `bad`."""

    title: str
    kind: str = "raw"
    file: str = ""
    values: Mapping[str, str] | None = None


REPORTS: Final[Mapping[str, Report]] = {
    "top-pages": Report("Pages with the most views"),
    "traffic-by-hour": Report(
        "Page views, visitors, sessions and events by hour", file="traffic", values={"unit": "hour"}
    ),
    "traffic-by-day": Report(
        "Page views, visitors, sessions and events by day", file="traffic", values={"unit": "day"}
    ),
    "entry-pages": Report("First pages of sessions, and how many left from them"),
    "exit-pages": Report("Last pages of sessions"),
    "bounce": Report("Sessions with one page view, by day"),
    "time-on-page": Report("Seconds from a view to the next of the session, by page"),
    "funnel": Report("Visitors that reach each of the steps in their order, within a window"),
    "retention": Report("Visitors by the week of their first event, and the weeks they came back"),
    "paths": Report("Steps from one page to the next"),
    "channels": Report("Sessions of people by channel"),
    "robots": Report("Events, page views and sessions of people and of robots"),
    "campaigns": Report("Sessions by the UTM parameters of their first page view"),
    "events-per-minute": Report("Events by type and minute, as the counters table has them"),
    "bad-rows": Report("Rows that could not be used, by reason", kind="bad"),
}
"""Reports by name."""


def report_sql(
    name: str,
    *,
    since_ms: int,
    until_ms: int,
    limit: int = 20,
    steps: Sequence[str] = (),
    window: str = "1d",
) -> str:
    """Return the text of a report.

    Args:
        name: one of `REPORTS`.
        since_ms: begin of the event time, in milliseconds since 1970, included.
        until_ms: its end, excluded.
        limit: most rows of a list of pages.
        steps: of a funnel: a page (`/cart`, `/product/*`) or `event:<type>`.
        window: of a funnel: from the first step to the last, such as `30m`, `1h` or `7d`.

    Raises:
        ReportError: an argument is missing or wrong.
    """
    if steps and name != "funnel":
        raise ReportError(f"{name} takes no steps; only funnel does")
    if name == "funnel":
        return _funnel(steps, window, since_ms=since_ms, until_ms=until_ms)
    report = REPORTS[name]
    text = files(__package__).joinpath(f"reports/{report.file or name}.sql").read_text("utf-8")
    values = {"since": since_ms, "until": until_ms, "limit": limit, **(report.values or {})}
    return re.sub(r"\{(\w+)\}", lambda found: str(values[found[1]]), text)


def _funnel(steps: Sequence[str], window: str, *, since_ms: int, until_ms: int) -> str:
    """Return a funnel in one pass over the events.

    `s<k>` carries the start of the latest chain that has come to step k: the latest start leaves
    the most of the window to the steps that follow. Each step is an event after that of the step
    before. A common table expression that is read n times would be scanned n times on Athena.
    """
    if not 2 <= len(steps) <= _MOST_STEPS:  # noqa: PLR2004 - one step is no funnel
        raise ReportError(
            f"funnel takes 2 to {_MOST_STEPS} steps, got {len(steps)}; write for example "
            "--steps /product/*,/cart,event:purchase"
        )
    milliseconds = _milliseconds(window)
    order = "partition by visitor order by time_ms, lane, length(sequence), sequence, sub"
    inner = (
        f"select visitor, time_ms, lane, sequence, sub, page, is_view, event_type,\n"
        f"  max(case when {_matches(steps[0])} then time_ms end) over "
        f"({order} rows unbounded preceding) as s1\n"
        f"from events\n"
        f"where agent_class = 'Human' and time_ms >= {since_ms} and time_ms < {until_ms}"
    )
    for number, step in enumerate(steps[1:], 2):
        before = number - 1
        inner = (
            f"select reached.*,\n"
            f"  max(case when {_matches(step)} and time_ms - start{before} <= {milliseconds} "
            f"then start{before} end) over ({order} rows unbounded preceding) as s{number}\n"
            f"from (\n"
            f"select chain.*, max(s{before}) over ({order} rows between unbounded preceding "
            f"and 1 preceding) as start{before}\nfrom (\n{inner}\n) chain\n) reached"
        )
    numbers = range(1, len(steps) + 1)
    counts = ",\n  ".join(
        f"count(distinct case when s{number} is not null then visitor end) as v{number}"
        for number in numbers
    )
    names = ", ".join(f"({number}, {_quoted(step)})" for number, step in enumerate(steps, 1))
    visitors = "case step " + " ".join(f"when {number} then v{number}" for number in numbers)
    return (
        f"select step, reached, visitors,\n"
        f"  round(1e2 * visitors / nullif(first_visitors, 0), 1) as percent_of_first\n"
        f"from (\nselect step, reached, {visitors} end as visitors, v1 as first_visitors\n"
        f"from (values {names}) as steps (step, reached)\n"
        f"cross join (\nselect\n  {counts}\nfrom (\n{inner}\n) funnel\n) totals\n) reached_by\n"
        f"order by step"
    )


def _matches(step: str) -> str:
    """Return the condition of a step."""
    kind, _, name = step.partition(":")
    if kind == "event" and name:
        return f"event_type = {_quoted(name)}"
    if not step.startswith("/"):
        raise ReportError(
            f"step {step} is neither a page nor an event; write /cart, /product/* or event:purchase"
        )
    if "*" in step.removesuffix("*"):
        raise ReportError(f"step {step} has * in the middle; it may only stand at the end")
    if step.endswith("*"):
        start = step.removesuffix("*")
        return f"is_view and substr(page, 1, {len(start)}) = {_quoted(start)}"
    return f"is_view and page = {_quoted(step)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _milliseconds(window: str) -> int:
    found = _WINDOW.fullmatch(window)
    if found is None:
        raise ReportError(f"window {window} is no time; write for example 30m, 1h or 7d")
    return int(found[1]) * _SECONDS[found[2]] * 1_000
