"""Roles that the operator assumes for pipelines of other accounts or tenants.

Credentials come from STS once an hour and are refreshed before they end ("Temporary security
credentials in IAM"). A session carries tags that policies can use as ``aws:PrincipalTag`` and
CloudTrail shows ("Pass session tags in AWS STS").
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import NoCredentialsError
from botocore.loaders import Loader
from botocore.session import Session

from clickstream_operator.aws import tags

_SESSION_NAME_LENGTH: Final = 64
_NOT_IN_SESSION_NAMES: Final = re.compile(r"[^\w+=,.@-]")


@dataclass(frozen=True, slots=True)
class Role:
    """A role to assume for one pipeline; `external_id` is the one that its trust policy demands."""

    arn: str
    external_id: str
    cluster: str
    namespace: str
    pipeline: str

    @property
    def session_name(self) -> str:
        """Name of the session, as CloudTrail shows it: at most 64 characters."""
        name = f"clickstream.{self.namespace}.{self.pipeline}"
        return _NOT_IN_SESSION_NAMES.sub("-", name)[:_SESSION_NAME_LENGTH]

    def request(self) -> dict[str, Any]:
        """Parameters of sts:AssumeRole beside the ARN."""
        wanted: dict[str, Any] = {
            "RoleSessionName": self.session_name,
            "Tags": [
                {"Key": tags.CLUSTER, "Value": self.cluster},
                {"Key": tags.NAMESPACE, "Value": self.namespace},
                {"Key": tags.PIPELINE, "Value": self.pipeline},
            ],
        }
        return {**wanted, "ExternalId": self.external_id} if self.external_id else wanted


class AssumedRoleCredentials:
    """Least recently used credentials of assumed roles, at most `most`.

    `own` returns the operator's own session in a region.
    """

    def __init__(self, own: Callable[[str], Session], *, most: int = 256) -> None:
        self._own = own
        self._most = most
        self._known: OrderedDict[tuple[Role, str], DeferredRefreshableCredentials] = OrderedDict()

    def credentials(self, role: Role, region: str) -> DeferredRefreshableCredentials:
        """Credentials that call STS in `region` on first use, and again before they expire."""
        key = (role, region)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._fetching(role, region)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return found

    def _fetching(self, role: Role, region: str) -> DeferredRefreshableCredentials:
        def fetch() -> dict[str, Any]:
            session = self._own(region)
            source: Credentials | None = session.get_credentials()
            if source is None:
                raise NoCredentialsError

            def sts(service: str, **credentials: Any) -> Any:
                config = Config(
                    connect_timeout=5,
                    read_timeout=10,
                    retries={"mode": "standard", "total_max_attempts": 2},
                    user_agent_extra="clickstream-operator",
                )
                return session.create_client(
                    service, region_name=region, config=config, **credentials
                )

            fetcher = AssumeRoleCredentialFetcher(
                client_creator=sts,
                source_credentials=source,
                role_arn=role.arn,
                extra_args=role.request(),
                # The session keeps its credential; a shared cache would outlive a refusal.
                cache={},
            )
            answer: dict[str, Any] = fetcher.fetch_credentials()
            return answer

        return DeferredRefreshableCredentials(refresh_using=fetch, method="assume-role")


def session_in(region: str, loader: Loader) -> Session:
    """A botocore session that shares the service models of `loader` with the others."""
    session = Session()
    session.set_config_variable("region", region)
    session.register_component("data_loader", loader)
    return session


class StaticProvider:
    """Credential provider of botocore that returns one credential."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Credentials:
        """The credential, whatever the environment says."""
        return self._credentials
