"""Check of all names for other owners, after the observations and before the first write.

A role that is made before the name of a table is judged has rights on somebody else's table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.observe import Observer
from clickstream_operator.engine.ownership import Ownership
from clickstream_operator.engine.resource import Resource, ResourceBlocked


async def names_of_others(
    resources: Iterable[Resource], observer: Observer, start: ReconcileInput
) -> set[str]:
    """Inventory names of the resources that have another owner, or a chosen name not yet judged.

    Tags that are read for it stay in the observations. An error is raised in the resource's turn.
    """
    checked = [one for one in resources if one.name not in start.deferred and not one.observe_late]
    answers = await asyncio.gather(*(_is_of_another(one, observer, start) for one in checked))
    return {one.name for one, foreign in zip(checked, answers, strict=True) if foreign}


async def _is_of_another(resource: Resource, observer: Observer, start: ReconcileInput) -> bool:
    observation = observer[resource.name]
    if observation.error is None and observation.observed is not None:
        try:
            owner, observation.observed = await start.owner_of(resource, observation.observed)
        except Exception as error:  # noqa: BLE001 - raised again in the resource's turn
            observation.error = error
        else:
            return owner is Ownership.FOREIGN
    failed = observation.error
    if failed is None:
        return False
    unjudged = resource.name in start.chosen_names and start.entry(resource).never_written
    conflict = isinstance(failed, ResourceBlocked) and failed.reason == Reason.OWNERSHIP_CONFLICT
    return unjudged or conflict
