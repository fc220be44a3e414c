"""Pool of the process's sessions: one for each region, and one for each assumed role."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import boto3
from botocore.loaders import Loader

from clickstream_operator.aws.assume_role import (
    AssumedRoleCredentials,
    Role,
    StaticProvider,
    session_in,
)
from clickstream_operator.aws.session import AwsSession

#: A session has a dozen clients of some megabytes. Creating them anew takes a fraction of a second
#: and no call, because credentials are kept apart.
MOST: Final = 8


class SessionPool:
    """Least recently used sessions, at most `most`.

    `options` are the arguments of every `AwsSession`: executor, limits, observers.
    """

    def __init__(self, *, most: int = MOST, **options: Any) -> None:
        self._options = options
        self._most = most
        self._loader = Loader(include_default_search_paths=True)
        self._assumed = AssumedRoleCredentials(lambda region: session_in(region, self._loader))
        self._known: OrderedDict[tuple[str, Role | None], AwsSession] = OrderedDict()

    def __call__(self, region: str, role: Role | None = None) -> AwsSession:
        """The session of a region, with the operator's own credential or an assumed role's."""
        key = (region, role)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._make(region, role)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return found

    def _make(self, region: str, role: Role | None) -> AwsSession:
        session = session_in(region, self._loader)
        if role is not None:
            credentials = self._assumed.credentials(role, region)
            session.register_component("credential_provider", StaticProvider(credentials))
        made = boto3.Session(botocore_session=session)
        return AwsSession(region=region, session=made, **self._options)
