"""The mute of the alarms around a resize: taken back after it, and told if it was refused."""

from __future__ import annotations

from collections.abc import Container, Iterable

from clickstream_operator.engine.outcome import reason_of
from clickstream_operator.engine.resource import Resource
from clickstream_operator.kube.events import Event
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.reconcile.services import Services
from clickstream_operator.resources.alarm_mute import MuteRecord
from clickstream_operator.resources.kinesis_stream import KinesisStream


async def end_mute(resources: Iterable[Resource], *, ready: Container[str]) -> None:
    """Let the alarms tell again where no resize runs: of a stream among `ready`."""
    for one in resources:
        if isinstance(one, KinesisStream) and one.name in ready:
            await one.end_mute()


async def tell_refused(services: Services, obj: PipelineObject, record: MuteRecord) -> None:
    """A Warning for a mute that AWS refused to begin or to end; the resize does not wait for it."""
    refused = record.tell()
    if refused is None:
        return
    note = (
        f"alarms.muteWhileResizing: {refused}. The resize goes on; a mute that has begun ends "
        "by itself within 15 minutes"
    )
    await services.recorder.record(obj.body, Event("Warning", reason_of(refused), note, "Mute"))
