"""The table of commands, and the group that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clickstream_operator.cli.command import SETTINGS, Entry, LazyGroup

_ABOUT: Final = "About the tool"
_OFFLINE: Final = "Without a cluster"

_LOOK: Final = "See"
_CHANGE: Final = "Act on a pipeline"
_TRY: Final = "Send events"

TABLE: Final[Mapping[str, Entry]] = {
    "status": Entry(_LOOK, "Show how pipelines are: conditions, resources, traffic, cost."),
    "top": Entry(_LOOK, "Show rate, lag, errors, dead letters and cost of pipelines."),
    "report": Entry(_LOOK, "Show page views, visitors, sessions and more of a time range."),
    "query": Entry(_LOOK, "Ask the archive of a pipeline in SQL, or by a report."),
    "catalog": Entry(_LOOK, "Print a CloudFormation template for SQL on Athena over an archive."),
    "tail": Entry(_LOOK, "Show counts and incidents as they come, until Ctrl-C."),
    "ui": Entry(_LOOK, "Show pipelines and their numbers in the browser, until Ctrl-C."),
    "snippet": Entry(_LOOK, "Print the element that makes a web page count."),
    "logs": Entry(_LOOK, "Show log lines of the functions, merged by time."),
    "doctor": Entry(_LOOK, "Find what keeps the operator or you from working, with remedies."),
    "plan": Entry(_LOOK, "Show what would change in AWS, and what it would cost."),
    "events": Entry(_LOOK, "Show what happened to pipelines, oldest first."),
    "verify": Entry(_CHANGE, "Compare a pipeline with AWS now, and print what was found."),
    "approve": Entry(_CHANGE, "Approve the plan that waits."),
    "reconcile": Entry(_CHANGE, "Compare everything with AWS now, and wait for the answer."),
    "suspend": Entry(_CHANGE, "Stop writing to AWS; the operator only observes."),
    "resume": Entry(_CHANGE, "Go on writing to AWS."),
    "send": Entry(_TRY, "Send events to a pipeline, and compare its counts with the truth."),
    "trace": Entry(_TRY, "Send one event, and follow it to the items that count it."),
    "bench": Entry(_TRY, "Measure the rates that a pipeline takes, and when events are counted."),
    "redrive": Entry(_CHANGE, "Take back batches that Lambda gave up on, or replay bad rows."),
    "rebuild": Entry(_CHANGE, "Compute hours and sessions again from the archive."),
    "delete": Entry(
        _CHANGE, "Delete a pipeline, after saying what stays and what that costs a month."
    ),
    "init": Entry(_OFFLINE, "Write a first manifest, with comments."),
    "cost": Entry(_OFFLINE, "Estimate the cost of pipelines, by service."),
    "render": Entry(
        _OFFLINE, "Show the AWS resources of manifests offline, with names and policies."
    ),
    "export": Entry(_LOOK, "Write a pipeline as a configuration of Terraform, with import blocks."),
    "import": Entry(_OFFLINE, "Write the manifest that adopts what Terraform or somebody made."),
    "validate": Entry(_OFFLINE, "Check manifests offline, by every rule of the CRD."),
    "iam": Entry(_OFFLINE, "Print the operator's IAM documents, for your account and names."),
    "uninstall-check": Entry(
        _ABOUT, "Show what would stand in the way of an uninstall of the chart."
    ),
    "explain": Entry(_ABOUT, "Explain a reason or an alert, with its remedy."),
    "bug-report": Entry(_ABOUT, "Write an archive for whoever is to help, redacted."),
    "completion": Entry(_ABOUT, "Print the completion script of a shell."),
    "version": Entry(_ABOUT, "Print the versions of this tool, of the operator and of the CRD."),
}

app: Final = LazyGroup(
    name="clickstream",
    table=TABLE,
    context_settings=SETTINGS,
    help="Real-time clickstream analytics pipelines on AWS, by one Kubernetes resource.",
    epilog="Exit codes: 0 done, 1 failed, 2 found changes or a pipeline that is not healthy, "
    "3 wrong usage, 130 interrupted.",
    no_args_is_help=True,
)
"""All commands."""

__all__ = ["TABLE", "app"]
