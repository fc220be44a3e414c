"""S3 archive bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Unpack

from clickstream_operator.aws import policies
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category, ignore_not_found
from clickstream_operator.aws.kms import key_name
from clickstream_operator.aws.permissions import BUCKET
from clickstream_operator.aws.readings import Reading
from clickstream_operator.aws.tags import as_list, from_list
from clickstream_operator.engine.resource import (
    DeletionPolicy,
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
    ResourceBlocked,
)
from clickstream_operator.resources import s3_lifecycle as bucket_lifecycle
from clickstream_operator.resources import s3_object_versions as versions
from clickstream_operator.resources.s3_settings import (
    BLOCKED,
    BLOCKED_IN_NEW,
    OTHER_STATEMENTS,
    SSE_S3,
    encryption,
    encryption_properties,
    is_public_access_blocked,
    policy_properties,
    public_access_block,
    tls_statement,
)

GRANTS: Final = (BUCKET,)
BESIDES: Final = {"s3:create_bucket": ("s3:TagResource",)}
_ONLY: Final = {"Bucket": "<name>"}
READINGS: Final = (
    Reading("s3", "get_bucket_versioning", _ONLY, {"versioning": "Status"}),
    Reading(
        "s3",
        "get_bucket_encryption",
        _ONLY,
        {
            "encryption.keyId": (
                "ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault"
            ),
            "encryption.bucketKey": "ServerSideEncryptionConfiguration.Rules[0].BucketKeyEnabled",
        },
    ),
    Reading(
        "s3",
        "get_public_access_block",
        _ONLY,
        {"publicAccessBlock": "PublicAccessBlockConfiguration"},
    ),
    Reading("s3", "get_bucket_policy", _ONLY, {"policy": "Policy"}),
    Reading(
        "s3",
        "get_bucket_lifecycle_configuration",
        _ONLY,
        {
            "lifecycle": "Rules[?starts_with(ID, 'clickstream-')]",
            "lifecycle.minimumObjectSize": "TransitionDefaultMinimumObjectSize",
        },
    ),
    Reading(
        "s3",
        "get_bucket_metrics_configuration",
        {**_ONLY, "Id": bucket_lifecycle.FAILED_FILTER_ID},
        {"failedObjectMetrics": "MetricsConfiguration.Filter.Prefix"},
    ),
    Reading("s3", "get_bucket_tagging", _ONLY, {"tags": "TagSet"}),
)

# Unmanaged: never desired, so never drift, and kept by our writes.
_OTHER_RULES: Final = "others.lifecycleRules"
_OTHER_MINIMUM: Final = "others.minimumObjectSize"


class S3Bucket(Resource):
    """S3 archive bucket.

    `transitions`: (storage class, days), ascending; `expiration_days` 0 keeps for ever;
    `kms_key_id`: alias, id or ARN, None: SSE-S3. `account_regional`: the name is of the account's
    own namespace. `count_failed_objects`: those that Lambda gave up on. Outputs: ``arn, name``.

    Rules, statements and blocked encryption of others are kept and are no drift. Everything but the
    versioning is seen in a full observation only.
    """

    kind = "S3Bucket"
    holds = "the archived events that it held"
    full_only = True
    acknowledged = frozenset(
        {"encryption", "publicAccessBlock", "policy", "lifecycle", "failedObjectMetrics"}
    )

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        transitions: Sequence[tuple[str, int]],
        expiration_days: int,
        noncurrent_version_days: int,
        abort_multipart_days: int,
        kms_key_id: str | None = None,
        account_regional: bool = False,
        count_failed_objects: bool = False,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._rules = bucket_lifecycle.rules(
            transitions=transitions,
            expiration_days=expiration_days,
            noncurrent_version_days=noncurrent_version_days,
            abort_multipart_days=abort_multipart_days,
        )
        self._kms_key_id = kms_key_id
        self._account_regional = account_regional
        self._count_failed_objects = count_failed_objects

    def desired(self, outputs: Outputs) -> Properties:
        """Versioning, encryption, public access, TLS, lifecycle."""
        properties: dict[str, Any] = {
            "versioning": "Enabled",
            "encryption.keyId": key_name(self._kms_key_id) or SSE_S3,
            "encryption.bucketKey": self._kms_key_id is not None,
            "publicAccessBlock": True,
            "policy": policies.canonical(tls_statement(self._arn)),
            "lifecycle": bucket_lifecycle.described(self._rules),
            "lifecycle.minimumObjectSize": bucket_lifecycle.MINIMUM_SIZE,
        }
        if self._count_failed_objects:
            properties["failedObjectMetrics"] = True
        return properties

    async def observe(self, *, full: bool) -> Observed | None:
        """GetBucketVersioning, which also tells whether the bucket is there; a full one adds four.

        Raises:
            ResourceBlocked: ``OwnershipConflict``; the name belongs to another account.
        """
        try:
            versioning = await ignore_not_found(self._read("get_bucket_versioning"))
        except AwsError as error:
            # S3 names the missing permission when the bucket is ours and the credential is short
            # of one; a bucket of another account is denied without a word about permissions.
            denied = error.category is Category.ACCESS_DENIED and not error.credentials_are_bad
            if denied and "not authorized to perform" not in error.text:
                raise self._foreign() from error
            raise
        if versioning is None:
            return None
        properties: dict[str, Any] = {"versioning": versioning.get("Status", "Disabled")}
        if full:
            properties |= await self._full_properties()
        return self._observed(properties)

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """By GetBucketTagging."""
        answer = await ignore_not_found(self._read("get_bucket_tagging"))
        return from_list(answer["TagSet"]) if answer else {}

    async def data_since(self, observed: Observed) -> datetime | None:
        """Age of the first version of an object: S3 tells no date of a bucket."""
        return await versions.first_version_since(self._calls, self._bucket())

    async def create(self, desired: Properties) -> Observed:
        """CreateBucket, with tags; the settings follow as differences from a new bucket.

        Raises:
            ResourceBlocked: ``OwnershipConflict``; the name belongs to another account.
        """
        configuration: dict[str, Any] = {}
        if self._place.region != "us-east-1":
            configuration["LocationConstraint"] = self._place.region
        if self.tags:
            configuration["Tags"] = as_list(self.tags)
        parameters: dict[str, Any] = {"Bucket": self.physical_name}
        if configuration:
            parameters["CreateBucketConfiguration"] = configuration
        if self._account_regional:
            parameters["BucketNamespace"] = "account-regional"
        try:
            await self._calls.write("s3", "create_bucket", **parameters)
        except AwsError as error:
            if error.code == "BucketAlreadyExists":
                raise self._foreign() from error
            raise
        return self._observed(
            {
                "versioning": "Disabled",
                "encryption.keyId": SSE_S3,
                "encryption.bucketKey": False,
                # On in new buckets of AWS, but not in all that speak its language: written anyway.
                "publicAccessBlock": False,
                "policy": None,
                "lifecycle": {},
                "lifecycle.minimumObjectSize": bucket_lifecycle.MINIMUM_SIZE,
                "failedObjectMetrics": False,
                BLOCKED: BLOCKED_IN_NEW,
                OTHER_STATEMENTS: [],
                _OTHER_RULES: [],
            },
            tags=self.tags,
        )

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """Every setting that differs: S3 takes them all at once."""
        if "versioning" in diff:
            await self._write(
                "put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"}
            )
        if "encryption" in diff:
            await self._write(
                "put_bucket_encryption",
                ServerSideEncryptionConfiguration=encryption(
                    self._kms_key_id, observed.properties[BLOCKED]
                ),
            )
        if "publicAccessBlock" in diff:
            await self._write(
                "put_public_access_block",
                PublicAccessBlockConfiguration=public_access_block(),
            )
        if "policy" in diff:
            await self._change_policy(observed)
        if "lifecycle" in diff:
            await self._change_lifecycle(observed)
        if "failedObjectMetrics" in diff:
            await self._write(
                "put_bucket_metrics_configuration",
                Id=bucket_lifecycle.FAILED_FILTER_ID,
                MetricsConfiguration=bucket_lifecycle.failed_object_metrics(),
            )

    async def change_tags(
        self, observed: Observed, tags: Mapping[str, str], keys: Sequence[str]
    ) -> None:
        """By one PutBucketTagging, which replaces the set: tags of others are sent along."""
        if not (tags or keys):
            return
        together = {**await self.read_tags(observed), **tags}
        together = {key: value for key, value in together.items() if key not in keys}
        await self._write("put_bucket_tagging", Tagging={"TagSet": as_list(together)})

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """As `change_tags`."""
        await self.change_tags(observed, tags, ())

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """As `change_tags`."""
        await self.change_tags(observed, {}, keys)

    async def delete(self, observed: Observed) -> int | None:
        """DeleteBucket; with ``Empty`` all versions go first, at most 10,000 in one call.

        Raises:
            ResourceBlocked: ``DeletionBlocked``; there are objects that must or will not go.
        """
        if self.deletion is DeletionPolicy.EMPTY:
            deleted, empty = await versions.delete_versions(self._calls, self._bucket())
            if not empty:
                return deleted
        try:
            await ignore_not_found(self._write("delete_bucket"))
        except AwsError as error:
            if error.code != "BucketNotEmpty":
                raise
            raise await versions.not_empty(self._calls, self._bucket()) from error
        return None

    async def _full_properties(self) -> dict[str, Any]:
        key = await ignore_not_found(self._read("get_bucket_encryption"))
        block = await ignore_not_found(self._read("get_public_access_block"))
        policy = await ignore_not_found(self._read("get_bucket_policy"))
        lifecycle = await ignore_not_found(self._read("get_bucket_lifecycle_configuration")) or {}
        rules = lifecycle.get("Rules", [])
        others = bucket_lifecycle.foreign(rules)
        minimum = lifecycle.get("TransitionDefaultMinimumObjectSize", bucket_lifecycle.MINIMUM_SIZE)
        properties: dict[str, Any] = {
            **encryption_properties(key),
            "publicAccessBlock": is_public_access_blocked(block),
            **policy_properties(policy),
            "lifecycle": bucket_lifecycle.described(bucket_lifecycle.ours(rules)),
            _OTHER_RULES: others,
        }
        # The minimum holds for the whole bucket: where others have rules it is theirs to choose.
        properties[_OTHER_MINIMUM if others else "lifecycle.minimumObjectSize"] = minimum
        if self._count_failed_objects:
            shown = self._read(
                "get_bucket_metrics_configuration", Id=bucket_lifecycle.FAILED_FILTER_ID
            )
            properties |= bucket_lifecycle.failed_object_properties(await ignore_not_found(shown))
        return properties

    async def _change_policy(self, observed: Observed) -> None:
        statements = [*observed.properties[OTHER_STATEMENTS], tls_statement(self._arn)]
        document = policies.document(statements)
        await self._write("put_bucket_policy", Policy=policies.as_text(document))

    async def _change_lifecycle(self, observed: Observed) -> None:
        await self._write(
            "put_bucket_lifecycle_configuration",
            LifecycleConfiguration={"Rules": [*observed.properties[_OTHER_RULES], *self._rules]},
            TransitionDefaultMinimumObjectSize=observed.properties.get(
                _OTHER_MINIMUM, bucket_lifecycle.MINIMUM_SIZE
            ),
        )

    def _observed(self, properties: Properties, tags: Mapping[str, str] | None = None) -> Observed:
        return Observed(
            arn=self._arn,
            properties=properties,
            outputs={"arn": self._arn, "name": self.physical_name},
            tags=tags,
        )

    def _foreign(self) -> ResourceBlocked:
        return ResourceBlocked(
            "OwnershipConflict",
            f"bucket {self.physical_name} belongs to another AWS account; choose another name in "
            "spec.names.archiveBucket of a new pipeline",
        )

    async def _read(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.read("s3", operation, **self._bucket(), **parameters)

    async def _write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.write("s3", operation, **self._bucket(), **parameters)

    @property
    def _arn(self) -> str:
        return self._place.bucket(self.physical_name)

    def _bucket(self) -> dict[str, str]:
        return {"Bucket": self.physical_name, "ExpectedBucketOwner": self._place.account}
