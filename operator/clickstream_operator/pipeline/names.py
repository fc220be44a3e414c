"""Physical names, derived from cluster, namespace and name. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Final

from clickstream_operator.api.components import (
    ALERTS,
    ARCHIVE,
    COLLECTOR,
    COLLECTOR_LOGS,
    COLLECTOR_ROLE,
    COUNTERS,
    DASHBOARD,
    DEAD_LETTER,
    DETECTOR,
    DETECTOR_LOGS,
    DETECTOR_ROLE,
    HASH_KEY,
    PAGE_METRICS,
    PROCESSOR,
    PROCESSOR_LOGS,
    PROCESSOR_ROLE,
    SCHEDULE,
    SCHEDULER_ROLE,
    SESSION_METRICS,
    STREAM,
)
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.aws.arns import AwsLocation

_HASH_LENGTH: Final = 8
_BUCKET_NAME: Final = 63
#: Characters for the name of the pipeline, beside hash, account and most regions.
_BUCKET_NAME_PART: Final = 15


def owner_hash(*, cluster: str, namespace: str, name: str) -> str:
    """Eight base32 characters that distinguish pipelines of one name across clusters."""
    digest = hashlib.sha256(f"{cluster}/{namespace}/{name}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_HASH_LENGTH]


def base_name(*, cluster: str, namespace: str, name: str) -> str:
    """Stem of all names: ``<name>-<hash>``."""
    return f"{name}-{owner_hash(cluster=cluster, namespace=namespace, name=name)}"


#: S3 keeps names that end so for this namespace, behind account and region (S3 user guide,
#: "Namespaces for general purpose buckets").
_ACCOUNT_REGIONAL: Final = "-an"


def bucket_name(base: str, place: AwsLocation, *, account_regional: bool) -> str:
    """Name of the archive bucket, at most 63 characters.

    Account-regional names end in ``-an``, and no other account can take them (S3 user guide,
    "Namespaces for general purpose buckets").
    """
    name, _, digest = base.rpartition("-")
    suffix = _ACCOUNT_REGIONAL if account_regional else ""
    rest = f"-{digest}-archive-{place.account}-{place.region}{suffix}"
    room = min(_BUCKET_NAME_PART, _BUCKET_NAME - len(rest))
    return f"{name[:room].rstrip('-')}{rest}"


def physical_names(
    *, base: str, place: AwsLocation, spec: Spec, account_regional: bool
) -> Mapping[str, str]:
    """Physical name of every resource with a name of its own, by inventory name."""
    explicit = spec.names
    return {
        STREAM: explicit.stream or f"{base}-events",
        PAGE_METRICS: explicit.page_metrics_table or f"{base}-page-metrics",
        SESSION_METRICS: explicit.session_metrics_table or f"{base}-session-metrics",
        COUNTERS: explicit.counters_table or f"{base}-counters",
        ARCHIVE: explicit.archive_bucket
        or bucket_name(base, place, account_regional=account_regional),
        DEAD_LETTER: f"{base}-dead-letter",
        ALERTS: f"{base}-alerts",
        HASH_KEY: f"/clickstream/{base}/hash-key",
        PROCESSOR: f"{base}-processor",
        DETECTOR: f"{base}-detector",
        COLLECTOR: f"{base}-collector",
        PROCESSOR_ROLE: f"{base}-processor",
        DETECTOR_ROLE: f"{base}-detector",
        COLLECTOR_ROLE: f"{base}-collector",
        SCHEDULER_ROLE: f"{base}-scheduler",
        PROCESSOR_LOGS: f"/aws/lambda/{base}-processor",
        DETECTOR_LOGS: f"/aws/lambda/{base}-detector",
        COLLECTOR_LOGS: f"/aws/lambda/{base}-collector",
        SCHEDULE: base,
        DASHBOARD: base,
    }


def chosen(spec: Spec) -> frozenset[str]:
    """Inventory names of the resources whose physical names the spec sets."""
    return frozenset(chosen_fields(spec))


def chosen_fields(spec: Spec) -> Mapping[str, tuple[str, str]]:
    """Field and value of each physical name that the spec sets, by inventory name."""
    explicit = spec.names
    fields = {
        STREAM: ("spec.names.stream", explicit.stream),
        ARCHIVE: ("spec.names.archiveBucket", explicit.archive_bucket),
        PAGE_METRICS: ("spec.names.pageMetricsTable", explicit.page_metrics_table),
        SESSION_METRICS: ("spec.names.sessionMetricsTable", explicit.session_metrics_table),
        COUNTERS: ("spec.names.countersTable", explicit.counters_table),
    }
    return {name: (path, value) for name, (path, value) in fields.items() if value is not None}


#: A derived name of a stream, table or bucket of any pipeline.
_DERIVED: Final = re.compile(
    r".*-[a-z2-7]{8}-(events|page-metrics|session-metrics|counters|archive-[0-9]{12}-[a-z0-9-]+)"
)


def looks_derived(name: str) -> bool:
    """Whether a physical name has the form that the operator derives for streams and so on."""
    return bool(_DERIVED.fullmatch(name))


def is_derived_from(name: str, base: str) -> bool:
    """Whether a derived name is the one of the pipeline with this stem."""
    stem, _, digest = base.rpartition("-")
    found = re.match(rf"(.*)-{digest}-", name)
    # Names of buckets are cut.
    return found is not None and stem.startswith(found.group(1))


def is_account_regional(bucket: str, account: str, region: str) -> bool:
    """Whether the name of a bucket, derived or chosen, is of the account-regional namespace."""
    return bucket.endswith(f"-{account}-{region}{_ACCOUNT_REGIONAL}")


def is_of_another_namespace(bucket: str, account: str, region: str) -> bool:
    """Whether S3 reserves the name for the account-regional namespace of another account."""
    reserved = bucket.endswith(_ACCOUNT_REGIONAL)
    return reserved and not is_account_regional(bucket, account, region)
