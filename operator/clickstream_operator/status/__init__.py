"""Status of a pipeline: conditions, resources and Events from the result of a reconcile. Pure."""

from clickstream_operator.status.compose import (
    as_body,
    begin,
    compose,
    inventory,
    is_up_to_date,
    with_intents,
)
from clickstream_operator.status.events import events_of_changes, events_of_transitions
from clickstream_operator.status.result import Blocker, ReconcileResult

__all__ = [
    "Blocker",
    "ReconcileResult",
    "as_body",
    "begin",
    "compose",
    "events_of_changes",
    "events_of_transitions",
    "inventory",
    "is_up_to_date",
    "with_intents",
]
