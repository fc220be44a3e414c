"""CloudWatch dashboard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Unpack

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.permissions import BASE, Grant
from clickstream_operator.aws.readings import Reading
from clickstream_operator.aws.tags import as_list, from_list
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
)
from clickstream_operator.resources import cloudwatch_dashboard_widgets as dashboard_widgets

GRANTS: Final = (Grant("Dashboards", (f"arn:aws:cloudwatch::*:dashboard/{BASE}",)),)
BESIDES: Final = {"cloudwatch:put_dashboard": ("cloudwatch:TagResource",)}
READINGS: Final = (
    Reading("cloudwatch", "get_dashboard", {"DashboardName": "<name>"}, {"body": "DashboardBody"}),
    Reading("cloudwatch", "list_tags_for_resource", {"ResourceARN": "<arn>"}, {"tags": "Tags"}),
)


# What others have on the dashboard: never desired, so never drift, and kept by our writes.
_OTHER_WIDGETS: Final = "others.widgets"
_OTHER_SETTINGS: Final = "others.settings"
_STAND: Final = "others.places"


class Dashboard(Resource):
    """CloudWatch dashboard; global to the account, whatever the region.

    `body`: our widgets as data, compared by meaning. Outputs: ``arn, name``.

    Widgets and settings of others are kept and are no drift; where there are widgets of others, the
    places of all widgets are theirs to choose.

    Tags do not decide ownership: AWS learned to tag dashboards late, and what speaks its language
    elsewhere has not. They are in no region's index, because a dashboard is in no region.
    """

    kind = "Dashboard"
    fast_is_complete = True
    full_only = True
    owned_by_tags = False
    indexed = False

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        body: Mapping[str, Any],
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._arn = place.dashboard(self.physical_name)
        self._body = body

    def desired(self, outputs: Outputs) -> Properties:
        """Our widgets by mark."""
        return {"body": dashboard_widgets.described(self._body["widgets"])}

    async def observe(self, *, full: bool) -> Observed | None:
        """GetDashboard."""
        answer = await ignore_not_found(
            self._calls.read("cloudwatch", "get_dashboard", DashboardName=self.physical_name)
        )
        if answer is None:
            return None
        body = json.loads(answer["DashboardBody"])
        others = dashboard_widgets.foreign(body)
        mine = dashboard_widgets.described(dashboard_widgets.ours(body))
        stand = {mark: one["place"] for mark, one in mine.items()}
        if others:
            wanted = dashboard_widgets.described(self._body["widgets"])
            for mark in mine.keys() & wanted.keys():
                mine[mark]["place"] = wanted[mark]["place"]
        return self._observed(
            {
                "body": mine,
                _OTHER_WIDGETS: others,
                _OTHER_SETTINGS: {key: body[key] for key in body if key != "widgets"},
                _STAND: stand,
            }
        )

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """By ListTagsForResource; where no dashboard has tags, none are missing."""
        answer = await ignore_not_found(
            self._calls.read("cloudwatch", "list_tags_for_resource", ResourceARN=observed.arn)
        )
        return from_list(answer.get("Tags", ())) if answer else self.tags

    async def create(self, desired: Properties) -> Observed:
        """PutDashboard. It replaces one that exists: the engine observes before."""
        tags = {"Tags": as_list(self.tags)} if self.tags else {}
        await self._put(self._body, **tags)
        alone: Properties = {_OTHER_WIDGETS: [], _OTHER_SETTINGS: {}, _STAND: {}}
        return self._observed({**desired, **alone}, tags=self.tags)

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """PutDashboard replaces the body; tags in it count at the creation only."""
        others = observed.properties[_OTHER_WIDGETS]
        stand = observed.properties[_STAND]
        mine = dashboard_widgets.placed_among(self._body["widgets"], stand, others)
        settings = observed.properties[_OTHER_SETTINGS]
        await self._put({**settings, "widgets": [*mine, *others]})

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By TagResource."""
        await self._calls.write(
            "cloudwatch", "tag_resource", ResourceARN=observed.arn, Tags=as_list(tags)
        )

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By UntagResource."""
        await self._calls.write(
            "cloudwatch", "untag_resource", ResourceARN=observed.arn, TagKeys=list(keys)
        )

    async def delete(self, observed: Observed) -> None:
        """DeleteDashboards."""
        await ignore_not_found(
            self._calls.write(
                "cloudwatch", "delete_dashboards", DashboardNames=[self.physical_name]
            )
        )

    async def _put(self, body: Mapping[str, Any], **parameters: Any) -> None:
        await self._calls.write(
            "cloudwatch",
            "put_dashboard",
            DashboardName=self.physical_name,
            DashboardBody=json.dumps(body, separators=(",", ":")),
            **parameters,
        )

    def _observed(self, properties: Properties, tags: Mapping[str, str] | None = None) -> Observed:
        return Observed(
            arn=self._arn,
            properties=properties,
            outputs={"arn": self._arn, "name": self.physical_name},
            tags=tags,
        )
