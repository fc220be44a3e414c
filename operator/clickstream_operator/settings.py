"""Settings of the operator: environment variables that begin with ``CLICKSTREAM_``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from clickstream_operator.api import validation as rules
from clickstream_operator.kube import label_selector as selector

#: Variables of before the tenants: ignored, they would seem to close what is open.
_REPLACED: Final = frozenset(
    {
        "CLICKSTREAM_ADOPT_WITHOUT_OWNER",
        "CLICKSTREAM_ALLOWED_ROLE_ARNS",
        "CLICKSTREAM_OWN_ROLE_NAMESPACES",
        "CLICKSTREAM_ROLES_BY_NAMESPACE",
    }
)


class SettingsError(Exception):
    """A setting is wrong; the message is one readable line."""


class Settings(BaseSettings):
    """Settings, each from the variable ``CLICKSTREAM_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix="CLICKSTREAM_", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    cluster_id: str = Field(default="", max_length=128)
    """Id of the cluster in tags of AWS resources. Default: the uid of the kube-system namespace."""
    instance: str = Field(
        default="clickstream-operator",
        min_length=1,
        max_length=63,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    )
    """Name of this installation and of its Lease; its replicas share it."""
    leader_election: bool = True
    """Whether replicas elect a leader; false only for a single replica."""
    lease_namespace: str = Field(default="", max_length=63)
    """Namespace of the Lease. Default: the Pod's, else the kubeconfig's, else default."""
    lease_seconds: int = Field(default=15, ge=3, le=300)
    """A leader that did not renew for so long is replaced; it stops after two thirds of it."""
    region: str = Field(default="", pattern=rf"^({rules.REGION.pattern})?$")
    """Region of pipelines whose spec names none. Default: AWS_REGION or AWS_DEFAULT_REGION."""
    watch_namespaces: Annotated[tuple[str, ...], NoDecode] = ()
    """Namespaces to watch, separated by commas. Empty: the whole cluster."""
    watch_label_selector: str = ""
    """Only pipelines whose labels match, in the notation of kubectl -l. Empty: all."""
    workers: int = Field(default=8, ge=1, le=256)
    """Pipelines reconciled at the same time."""
    rollout_max_parallel: int = Field(default=5, ge=1, le=1000)
    """Pipelines that get the functions of a new version at the same time."""
    aws_threads: int = Field(default=64, ge=1, le=512)
    """AWS calls at the same time, shared equally between the workers."""
    rate_limits: bool = True
    """Whether AWS calls are limited to rates below AWS's quotas."""
    packages: Path = Path("build/lambdas")
    """Folder with processor.zip, detector.zip and collector.zip."""
    account: str = Field(default="", pattern=r"^([0-9]{12})?$")
    """AWS account of the operator's own credential: another one's is not used. Empty: any."""
    permissions_boundary: str = ""
    """ARN of a permissions boundary for the roles that the operator creates."""
    tenants: str = ""
    """File with the tenants: what each namespace may name in specs. It is watched; default: nothing
    that is not the pipeline's own. See docs/how-to/share-a-cluster.md."""
    outputs_config_map: bool = False
    """Whether pipelines publish their outputs in ConfigMaps; needs permissions for them."""
    function_runtime: Literal["python3.14", "python3.13", "python3.12", "python3.11"] = "python3.14"
    """Lambda runtime of the functions, for regions that lack the newest."""
    bucket_namespace: Literal["auto", "account-regional", "global"] = "auto"
    """Namespace of bucket names; auto: account-regional on AWS, global on a custom endpoint."""
    listen_host: str = "127.0.0.1"
    """Address of /healthz, /readyz and /metrics."""
    listen_port: int = Field(default=8080, ge=0, le=65535)
    """Port of /healthz, /readyz and /metrics; 0 chooses one."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Lowest level that is logged. Audit lines of writes to AWS are logged at every level."""

    @field_validator("watch_label_selector")
    @classmethod
    def _is_a_selector(cls, text: str) -> str:
        selector.parse(text)
        return text

    def default_region(self) -> str:
        """Region of pipelines whose spec names none; empty if no variable has one."""
        return self.region or next((os.environ[name] for name in _aws_regions()), "")

    def calls_at_once(self) -> int:
        """Concurrency slots of one reconcile: its share of the threads.

        So the calls of one reconcile, when they hang, leave threads to the others.
        """
        return max(1, self.aws_threads // self.workers)

    def account_regional_buckets(self) -> bool:
        """Whether new buckets get account-regional names."""
        if self.bucket_namespace == "auto":
            return "AWS_ENDPOINT_URL" not in os.environ and "AWS_ENDPOINT_URL_S3" not in os.environ
        return self.bucket_namespace == "account-regional"


def load() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: one line that names the variable, the fault and the remedy.
    """
    if replaced := sorted(_REPLACED & os.environ.keys()):
        raise SettingsError(
            f"{', '.join(replaced)}: replaced by the file of CLICKSTREAM_TENANTS; move it there as "
            "docs/how-to/share-a-cluster.md says, and unset it"
        )
    try:
        settings = Settings(
            watch_namespaces=_listed("CLICKSTREAM_WATCH_NAMESPACES"),
        )
    except ValidationError as error:
        faults = "; ".join(
            f"CLICKSTREAM_{str(fault['loc'][0]).upper()}={fault['input']!r}: {fault['msg'].lower()}"
            for fault in error.errors()
        )
        raise SettingsError(f"wrong settings: {faults}") from None
    for variable in () if settings.region else _aws_regions():
        region = os.environ[variable]
        if not re.fullmatch(rules.REGION.pattern, region):
            raise SettingsError(
                f"wrong settings: {variable}={region!r}: must be {rules.REGION.words}"
            )
    for name in ("processor", "detector", "collector"):
        if not (settings.packages / f"{name}.zip").is_file():
            raise SettingsError(
                f"CLICKSTREAM_PACKAGES={settings.packages}: {name}.zip is not there; "
                "build it with make lambdas, or name the folder that has it"
            )
    return settings


def _aws_regions() -> list[str]:
    """Name of the variable of AWS that has the region; empty if none has."""
    return [name for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if os.environ.get(name)][:1]


def _listed(variable: str) -> tuple[str, ...]:
    """Parts of a variable with a list separated by commas.

    Raises:
        SettingsError: it is set and has no part; as if unset, it would allow everything.
    """
    text = os.environ.get(variable, "")
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if text and not parts:
        raise SettingsError(f"{variable}={text!r} names nothing: write a,b,c, or unset it")
    return parts
