"""A plan in words: for a terminal, for a pull request, and for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.api.status import PlanChange
from clickstream_operator.cli.planning import Planned

MARKS: Final = {"create": "+", "update": "~", "delete": "-"}
REPLACE: Final = "-/+"
_REPLACEMENT: Final = "ReplacementNeeded"


@dataclass(frozen=True, slots=True)
class Report:
    """A plan with what it costs and risks."""

    name: str
    """``namespace/name``."""
    planned: Planned
    cost_before: str
    """Dollars a month; empty where there is no pipeline yet."""
    cost_after: str
    risks: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def has_changes(self) -> bool:
        """Whether anything would be changed in AWS, or should be and can't."""
        return bool(self.planned.plan.changes) or bool(self.planned.obstacles)

    def lines(self) -> list[tuple[str, str, str]]:
        """Mark, resource and words of each change and obstacle."""
        found = [
            (MARKS[one.action], one.resource, self._words(one)) for one in self.planned.plan.changes
        ]
        for one in self.planned.obstacles:
            mark = REPLACE if one.reason == _REPLACEMENT else "!"
            found.append((mark, one.resource, f"{one.reason}: {one.message}"))
        return found

    def all_risks(self) -> list[str]:
        """Risks of the spec, and data that goes with a resource."""
        deleted = [one.resource for one in self.planned.plan.changes if one.action == "delete"]
        holding = [
            f"{name} is deleted, and {self.planned.resources[name].holds}"
            for name in deleted
            if self.planned.resources[name].holds
        ]
        return [*self.risks, *holding]

    def summary(self) -> str:
        """What would be done, in a line."""
        if not self.has_changes:
            return "No changes: AWS is as the spec says."
        return self.planned.plan.summary or "nothing can be changed"

    def cost(self) -> str:
        """The cost before and after, in a line."""
        after = f"${self.cost_after} a month"
        if not self.cost_before or self.cost_before == self.cost_after:
            return after
        return f"${self.cost_before} -> {after}"

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        plan = self.planned.plan
        return {
            "pipeline": self.name,
            "account": self.planned.effective.account,
            "region": self.planned.effective.region,
            "summary": plan.summary,
            "changesHash": plan.changes_hash,
            "changes": [one.model_dump(mode="json", by_alias=True) for one in plan.changes],
            "obstacles": [
                {"resource": one.resource, "reason": one.reason, "message": one.message}
                for one in self.planned.obstacles
            ],
            "dataAtRisk": self.all_risks(),
            "costBefore": self.cost_before,
            "costAfter": self.cost_after,
            "notes": list(self.notes),
        }

    def _words(self, change: PlanChange) -> str:
        resource = self.planned.resources[change.resource]
        if not change.field:
            return f"{resource.kind} {resource.physical_name}"
        return f"{change.field}: {change.old or '(none)'} -> {change.new or '(none)'}"


def markdown(reports: Sequence[Report]) -> str:
    """Plans as a comment on a pull request."""
    return "\n".join(_section(one) for one in reports)


def _section(report: Report) -> str:
    effective = report.planned.effective
    parts = [
        f"### `{report.name}` in {effective.region} of account {effective.account}\n",
        f"{report.summary()} Cost: {report.cost()}\n"
        if not report.has_changes
        else f"**{report.summary()}.** Cost: {report.cost()}\n",
    ]
    if report.has_changes:
        parts += ["| | resource | change |", "| --- | --- | --- |"]
        parts += [
            f"| `{mark}` | `{name}` | {_cell(words)} |" for mark, name, words in report.lines()
        ]
        parts.append("")
    if report.all_risks():
        parts += ["**Data at risk**\n", *(f"- {_cell(one)}" for one in report.all_risks()), ""]
    parts += [*(f"- {_cell(one)}" for one in report.notes), *([""] if report.notes else [])]
    if report.planned.plan.changes_hash:
        parts.append(f"`changesHash` {report.planned.plan.changes_hash}\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
