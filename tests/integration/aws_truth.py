"""Rule of every status: after a refused write it is not Ready without drift while AWS differs.

AWS is read past all faults and delays, in full, and compared with the spec by each kind.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from botocore.exceptions import ClientError

from clickstream_operator import pipeline
from clickstream_operator.aws import tags
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.sdk_errors import from_client_error
from clickstream_operator.aws.session import AwsSession
from clickstream_operator.engine.desired import Desired, difference
from clickstream_operator.engine.graph import walk
from clickstream_operator.engine.outputs import OutputPending
from clickstream_operator.engine.resource import DeletionPolicy, Resource
from clickstream_operator.kube.objects import ObjectKey, PipelineObject, parse
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.inputs import build_context
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.status.compose import inventory

#: An entry that says so itself, of what Ready does not wait for.
_SAID: Final = frozenset({"Failed", "Blocked"})


class _DirectSession:
    """Calls by plain clients; remembers the services."""

    def __init__(self, client_of: Any, region: str) -> None:
        self.region = region
        self.services: set[str] = set()
        self._client_of = client_of
        self._clients: dict[str, Any] = {}

    async def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """The answer; an error as the operator classifies it."""
        self.services.add(service)
        if service not in self._clients:
            self._clients[service] = self._client_of(service)
        try:
            answer: dict[str, Any] = getattr(self._clients[service], operation)(**parameters)
        except ClientError as error:
            raise from_client_error(service, operation, error) from error
        return answer


class RefusedWrites:
    """Services that refused a write of a pipeline since AWS was last as its spec asks.

    `client_of`: a boto3 client of a service, past all faults.
    """

    def __init__(self, client_of: Any) -> None:
        self._client_of = client_of
        self._services: set[str] = set()
        self.compared = 0

    def note(self, service: str) -> None:
        """A write that AWS refused, or did not answer."""
        self._services.add(service)

    async def lies(self, body: Mapping[str, Any], config: OperatorConfig) -> list[str]:
        """Resources of those services that differ from the spec while the status is content."""
        metadata = body["metadata"]
        obj = parse(ObjectKey(metadata["namespace"], metadata["name"]), body)
        if not self._services or not _is_content(obj):
            return []
        self.compared += 1
        found = await self._differing(obj, config, self._services)
        if not found:
            self._services.clear()
        return found

    async def differing(self, body: Mapping[str, Any], config: OperatorConfig) -> list[str]:
        """Every resource that differs from the spec, whatever the status says of it."""
        metadata = body["metadata"]
        obj = parse(ObjectKey(metadata["namespace"], metadata["name"]), body)
        return await self._differing(obj, config, None)

    async def _differing(
        self, obj: PipelineObject, config: OperatorConfig, services: Collection[str] | None
    ) -> list[str]:
        """Those that are of some of `services` and that the status does not name; None: all."""
        effective, entries = obj.status.effective, inventory(obj.status)
        if effective is None:
            return []
        session = _DirectSession(self._client_of, effective.region)
        calls = Calls(cast("AwsSession", session))
        context = build_context(obj, effective, calls, StreamHistory(), config)
        wanted = pipeline.build(context)
        left = [
            one
            for one in pipeline.build_everything(context)
            if one.name in entries.keys() - {one.name for one in wanted}
            and one.deletion is not DeletionPolicy.RETAIN
        ]
        outputs: dict[str, Mapping[str, str]] = {}
        found: list[str] = []

        async def compare(resource: Resource) -> None:
            session.services.clear()
            text = await _difference(resource, outputs)
            said = not resource.gates_ready and entries[resource.name].state in _SAID
            looked_for = services is None or (not said and session.services & set(services))
            if text and looked_for:
                found.append(f"{resource.name} {text}")

        # One after the other, so that the services are those of one resource.
        ordered: list[Resource] = []

        async def note(resource: Resource) -> None:
            ordered.append(resource)

        await walk(wanted, note)
        for resource in ordered:
            await compare(resource)
        return found + [
            f"{resource.name} was not removed"
            for resource in left
            if (resource.gates_ready or services is None)
            and await _exists(resource, session, services)
        ]


async def _difference(resource: Resource, outputs: dict[str, Mapping[str, str]]) -> str:
    resource = resource.bind(outputs)
    observed = await resource.observe(full=True)
    if observed is None:
        return "is not there"
    outputs[resource.name] = observed.outputs
    if observed.tags is None and resource.taggable:
        observed = replace(observed, tags=await resource.read_tags(observed))
    if observed.tags and tags.UID in observed.tags and tags.UID in resource.tags:
        # What an earlier object of the name left is the pipeline's own, whatever its uid
        # (`aws/tags.py`): a new uid alone makes no status wrong.
        uid = {tags.UID: resource.tags[tags.UID]}
        observed = replace(observed, tags={**observed.tags, **uid})
    try:
        wanted = Desired.of(resource, resource.desired(outputs))
    except OutputPending:
        return ""  # What it needs is not there, and is in the list itself.
    return ", ".join(difference(resource, wanted, observed).paths)


async def _exists(
    resource: Resource, session: _DirectSession, services: Collection[str] | None
) -> bool:
    session.services.clear()
    there = await resource.observe(full=False) is not None
    return there and (services is None or bool(session.services & set(services)))


def _is_content(obj: PipelineObject) -> bool:
    """Whether the status says that all is as the present spec asks."""
    said = {one.type: one.status for one in obj.status.conditions}
    return (
        not obj.deleting
        and obj.status.observed_generation == obj.generation
        and said.get("Ready") == "True"
        and said.get("DriftDetected") != "True"
        # Told to say nothing of drift.
        and obj.spec.drift_policy != "Ignore"
    )
