"""IAM role."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self, Unpack

from clickstream_operator.aws import policies
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category, ignore_not_found
from clickstream_operator.aws.permissions import BASE, FUNCTION_NAMES, Grant
from clickstream_operator.aws.readings import Reading
from clickstream_operator.aws.tags import PREFIX, as_list, from_list
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
)

_OWN: Final = ("arn:aws:iam::*:role/clickstream/*",)
GRANTS: Final = (
    Grant(
        "ReadRoles",
        (
            *_OWN,
            *(f"arn:aws:iam::*:role/{BASE}-{role}" for role in (*FUNCTION_NAMES, "scheduler")),
        ),
        ("iam:Get*", "iam:List*"),
    ),
    # Tags of a role are those of its sessions, by which others may give rights (IAM user guide,
    # "Define permissions based on attributes with ABAC authorization").
    Grant(
        "RoleTags",
        _OWN,
        ("iam:TagRole",),
        {"ForAllValues:StringLike": {"aws:TagKeys": [f"{PREFIX}*"]}},
        by_tag=True,
    ),
    Grant("Roles", _OWN, by_tag=True),
)
BESIDES: Final = {"iam:create_role": ("iam:TagRole",)}
_ONLY: Final = {"RoleName": "<name>"}
READINGS: Final = (
    Reading(
        "iam",
        "get_role",
        _ONLY,
        {
            "path": "Role.Path",
            "trust": "Role.AssumeRolePolicyDocument",
            "description": "Role.Description",
            "permissionsBoundary": "Role.PermissionsBoundary.PermissionsBoundaryArn",
            "tags": "Role.Tags",
        },
    ),
    Reading(
        "iam",
        "get_role_policy",
        {**_ONLY, "PolicyName": "clickstream"},
        {"inlinePolicies": "PolicyDocument"},
    ),
    Reading("iam", "list_role_policies", _ONLY, {"inlinePolicies": "PolicyNames"}),
    Reading("iam", "list_attached_role_policies", _ONLY, {"attachedPolicies": "AttachedPolicies"}),
)


class IAMRole(Resource):
    """IAM role.

    `trust` and the values of `inline_policies` are policy documents, `arns` those of the resources
    in them, by inventory name. Outputs: ``arn, name``.

    Policies, inline and attached, are seen in a full observation only; what others put there is
    drift and goes, because the role can do nothing else then.
    """

    kind = "IAMRole"
    full_only = True
    create_first = True
    replace_only = frozenset({"path"})

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        trust: Mapping[str, Any],
        inline_policies: Mapping[str, Mapping[str, Any]],
        description: str,
        arns: Mapping[str, str] | None = None,
        permissions_boundary: str | None = None,
        path: str = "/clickstream/",
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._arns = arns or {}
        self.given = frozenset(self._arns)
        self._calls = calls
        self._place = place
        self._trust = trust
        self._inline_policies = inline_policies
        self._description = description
        self._permissions_boundary = permissions_boundary
        self._path = path

    def without(self, foreign: frozenset[str]) -> Self:
        """The role without its statements about these resources."""
        arns = [self._arns[name] for name in foreign]
        reduced = copy.copy(self)
        left = {
            name: policies.without_resources(document, arns)
            for name, document in self._inline_policies.items()
        }
        kept = {name: one for name, one in left.items() if one["Statement"]}
        reduced._inline_policies = kept  # noqa: SLF001 - of its own copy
        return reduced

    def desired(self, outputs: Outputs) -> Properties:
        """Trust, policies, boundary, description, path."""
        return {
            "path": self._path,
            "description": self._description,
            "trust": policies.canonical(self._trust),
            "permissionsBoundary": self._permissions_boundary or "",
            "inlinePolicies": {
                name: policies.canonical(document)
                for name, document in self._inline_policies.items()
            },
            "attachedPolicies": (),
        }

    async def observe(self, *, full: bool) -> Observed | None:
        """GetRole, which brings the tags; a full one adds the policies."""
        answer = await ignore_not_found(self._read("get_role"))
        if answer is None:
            return None
        role = answer["Role"]
        properties = _role_properties(role)
        if full:
            names = (await self._read("list_role_policies"))["PolicyNames"]
            documents = [await self._read("get_role_policy", PolicyName=name) for name in names]
            attached = (await self._read("list_attached_role_policies"))["AttachedPolicies"]
            properties["inlinePolicies"] = {
                one["PolicyName"]: policies.canonical(one["PolicyDocument"]) for one in documents
            }
            properties["attachedPolicies"] = tuple(sorted(one["PolicyArn"] for one in attached))
        return self._observed(role, properties, from_list(role.get("Tags", ())))

    async def create(self, desired: Properties) -> Observed:
        """CreateRole with tags, then its policies. A new role is unknown elsewhere for seconds."""
        boundary = {}
        if self._permissions_boundary:
            boundary["PermissionsBoundary"] = self._permissions_boundary
        answer = await self._write(
            "create_role",
            Path=self._path,
            AssumeRolePolicyDocument=policies.as_text(self._trust),
            Description=self._description,
            Tags=as_list(self.tags),
            **boundary,
        )
        for name in self._inline_policies:
            await self._put_policy(name)
        return self._observed(answer["Role"], desired, self.tags)

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """Everything that differs: IAM takes it all at once."""
        if "trust" in diff:
            await self._write(
                "update_assume_role_policy", PolicyDocument=policies.as_text(self._trust)
            )
        if "description" in diff:
            await self._write("update_role", Description=self._description)
        if "permissionsBoundary" in diff:
            await self._change_boundary()
        if "inlinePolicies" in diff:
            await self._change_policies(desired, observed)
        if "attachedPolicies" in diff:
            for arn in observed.properties["attachedPolicies"]:
                await ignore_not_found(self._write("detach_role_policy", PolicyArn=arn))

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By TagRole."""
        await self._write("tag_role", Tags=as_list(tags))

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By UntagRole."""
        await self._write("untag_role", TagKeys=list(keys))

    async def delete(self, observed: Observed) -> None:
        """DeleteRole, after its policies; those of others are listed when IAM refuses."""
        for name in self._inline_policies:
            await ignore_not_found(self._write("delete_role_policy", PolicyName=name))
        try:
            await ignore_not_found(self._write("delete_role"))
        except AwsError as error:
            if error.category is not Category.CONFLICT:
                raise
            await self._strip()
            await ignore_not_found(self._write("delete_role"))

    async def _strip(self) -> None:
        for name in (await self._read("list_role_policies"))["PolicyNames"]:
            await ignore_not_found(self._write("delete_role_policy", PolicyName=name))
        for one in (await self._read("list_attached_role_policies"))["AttachedPolicies"]:
            await ignore_not_found(self._write("detach_role_policy", PolicyArn=one["PolicyArn"]))

    async def _change_boundary(self) -> None:
        if self._permissions_boundary:
            await self._write(
                "put_role_permissions_boundary", PermissionsBoundary=self._permissions_boundary
            )
        else:
            await self._write("delete_role_permissions_boundary")

    async def _change_policies(self, desired: Properties, observed: Observed) -> None:
        present = observed.properties["inlinePolicies"]
        for name, document in desired["inlinePolicies"].items():
            if present.get(name) != document:
                await self._put_policy(name)
        for name in sorted(present.keys() - desired["inlinePolicies"].keys()):
            await ignore_not_found(self._write("delete_role_policy", PolicyName=name))

    async def _put_policy(self, name: str) -> None:
        await self._write(
            "put_role_policy",
            PolicyName=name,
            PolicyDocument=policies.as_text(self._inline_policies[name]),
        )

    def _observed(
        self, role: Mapping[str, Any], properties: Properties, tags: Mapping[str, str]
    ) -> Observed:
        return Observed(
            arn=role["Arn"],
            properties=properties,
            outputs={"arn": role["Arn"], "name": self.physical_name},
            tags=tags,
            created_at=role["CreateDate"],
        )

    async def _read(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.read("iam", operation, RoleName=self.physical_name, **parameters)

    async def _write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.write("iam", operation, RoleName=self.physical_name, **parameters)


def _role_properties(role: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "path": role["Path"],
        "description": role.get("Description", ""),
        "trust": policies.canonical(role["AssumeRolePolicyDocument"]),
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get(
            "PermissionsBoundaryArn", ""
        ),
    }
