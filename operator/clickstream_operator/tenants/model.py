"""Schema of the tenants setting: a strict YAML document, parsed to frozen values. Pure.

A typo must not open or close anything silently, so unknown keys are refused.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

_ARN_PART: Final = "[a-z0-9*-]*"
NamespacePattern = Annotated[str, Field(pattern=r"^[-a-z0-9*]{1,63}$")]
RolePattern = Annotated[
    str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/*-]+$")
]
TopicPattern = Annotated[
    str, Field(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9*-]+:[0-9]{12}:[A-Za-z0-9_*-]+$")
]
ActionPattern = Annotated[
    str, Field(pattern=rf"^arn:aws[a-z-]*:[a-z0-9-]+:{_ARN_PART}:([0-9]{{12}}|ec2|):[^?\[\]\s]+$")
]
KeyPattern = Annotated[
    str,
    Field(
        pattern=r"^(alias/[A-Za-z0-9_/*-]+|[0-9a-f-]{36}|mrk-[0-9a-f]{32}|"
        r"arn:aws[a-z-]*:kms:[a-z0-9*-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9_/*-]+)$"
    ),
]
SecretPattern = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:(ssm|secretsmanager):[a-z0-9*-]+:[0-9]{12}:[A-Za-z0-9/_+=.@:*-]+$"
    ),
]
DomainPattern = Annotated[str, Field(pattern=r"^(\*|(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$")]
NamePattern = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.*-]{3,255}$")]
TagKeyPattern = Annotated[str, Field(pattern=r"^[\w .:/=+@*-]{1,128}$")]
RegionPattern = Annotated[str, Field(pattern=r"^(\*|[a-z0-9*-]+)$")]


class _OnceLoader(yaml.SafeLoader):
    """Loader that refuses a key given twice, of which YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as in the base class
        """The mapping, if each of its keys is there once."""
        keys = [key.value for key, _ in node.value]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"{', '.join(twice)} is given twice", node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


class TenantsError(ValueError):
    """The document is no tenants setting; the message names the place and the remedy."""


class _Strict(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


class Ceilings(_Strict):
    """Most that one pipeline, or the namespace, may ask for; unset: no ceiling."""

    shards: int | None = Field(default=None, ge=1, le=10000)
    """Shards of a stream, autoscaling included."""
    on_demand_streams: bool = True
    """Whether streams may have mode OnDemand, whose shards nothing limits."""
    table_units: int | None = Field(default=None, ge=1, le=40000)
    """Provisioned read units, and write units, of each table."""
    memory_mib: int | None = Field(default=None, ge=128, le=10240, alias="memoryMiB")
    """Memory of each function."""
    reserved_concurrency: int | None = Field(default=None, ge=0, le=10000)
    """Concurrency that each function takes from all others of the account."""
    pipelines: int | None = Field(default=None, ge=0, le=10000)
    """Pipelines in each namespace; the oldest keep working."""


class Tenant(_Strict):
    """Grants of the namespaces that match; the first entry that matches a namespace applies.

    In patterns * stands for any characters.
    """

    namespaces: tuple[NamespacePattern, ...] = Field(min_length=1)
    """Patterns of the namespaces."""
    own_credential: bool = True
    """Whether a pipeline without spec.credentials uses the operator's own credential."""
    operator_roles: tuple[RolePattern, ...] = ()
    """Roles for spec.credentials.roleArn."""
    function_roles: tuple[RolePattern, ...] = ()
    """Roles that specs may give to functions and schedule."""
    topics: tuple[TopicPattern, ...] = ()
    """Topics for alerts.topicArn. A pipeline's own topic needs none."""
    alarm_actions: tuple[ActionPattern, ...] = ()
    """ARNs for alarms.actionArns."""
    kms_keys: tuple[KeyPattern, ...] = ()
    """Keys for the kmsKeyId fields, in the form that the spec has. AWS managed keys need none."""
    secrets: tuple[SecretPattern, ...] = ()
    """SSM parameters and Secrets Manager secrets that a pipeline's collector may read."""
    email_domains: tuple[DomainPattern, ...] = ("*",)
    """Mail domains for alerts.emails; a domain does not cover its subdomains."""
    adopt: tuple[NamePattern, ...] = ()
    """Names of resources without owner tags that adoptionPolicy Always may adopt."""
    inherit_data: bool = False
    """Whether pipelines inherit data and hash key that an earlier namespace of the name left."""
    role_tags: tuple[TagKeyPattern, ...] = ()
    """Keys of spec.tags, Environment and ManagedBy that IAM roles carry, too."""
    regions: tuple[RegionPattern, ...] = ("*",)
    """Regions of the pipelines."""
    limits: Ceilings = Ceilings()
    """Ceilings."""


class Tenants(_Strict):
    """The setting. Without entries every namespace has the defaults: nothing foreign."""

    tenants: tuple[Tenant, ...] = ()
    """The entries, the first match decides. With entries a namespace that none matches is refused.
    """
    former_clusters: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = ()
    """Cluster ids whose pipelines, restored with their status, are this cluster's now."""

    def of(self, namespace: str) -> Tenant | None:
        """The entry of a namespace; None when entries exist and none matches."""
        if not self.tenants:
            return Tenant(namespaces=("*",))
        matching = (one for one in self.tenants if matches(namespace, one.namespaces))
        return next(matching, None)


def matches(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns matches the whole text."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def parse(text: str) -> Tenants:
    """The setting in a YAML document.

    Raises:
        TenantsError: one line with every fault and its place.
    """
    try:
        given: Any = yaml.load(text, _OnceLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise TenantsError(f"is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(given, dict) or "tenants" not in given:
        raise TenantsError("must be a mapping with the key tenants; write 'tenants: []' for none")
    try:
        return Tenants.model_validate(given)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        raise TenantsError(faults) from None
