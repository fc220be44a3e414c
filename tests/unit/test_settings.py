"""Settings: what is wrong is said in one line that names the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from clickstream_operator import settings
from clickstream_operator.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean environment with a folder of packages."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CLICKSTREAM_{name.upper()}", raising=False)
    for name in ("processor", "detector", "collector"):
        (tmp_path / f"{name}.zip").touch()
    monkeypatch.setenv("CLICKSTREAM_PACKAGES", str(tmp_path))
    return tmp_path


def test_defaults_are_enough() -> None:
    """Without any variable the operator starts."""
    found = settings.load()
    assert (found.workers, found.log_level, found.watch_namespaces) == (8, "INFO", ())
    assert found.default_region() == ""


def test_every_setting_is_described() -> None:
    """The reference page is made from these."""
    for name, field in Settings.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WORKERS", "many"),
        ("WORKERS", "0"),
        ("WORKERS", ""),
        ("AWS_THREADS", "-1"),
        ("REGION", "Frankfurt"),
        ("RATE_LIMITS", "perhaps"),
        ("BUCKET_NAMESPACE", "both"),
        ("LISTEN_PORT", "70000"),
        ("LOG_LEVEL", "LOUD"),
        ("INSTANCE", ""),
        ("WATCH_LABEL_SELECTOR", "team=shop,"),
        ("CLUSTER_ID", "x" * 129),
    ],
)
def test_wrong_setting_is_one_readable_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Variable, value and fault, without a traceback's words."""
    monkeypatch.setenv(f"CLICKSTREAM_{variable}", value)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    message = str(caught.value)
    assert message.startswith(f"wrong settings: CLICKSTREAM_{variable}={value!r}: ")
    assert "\n" not in message
    assert "pydantic" not in message


@pytest.mark.parametrize(
    "name",
    ["ADOPT_WITHOUT_OWNER", "ALLOWED_ROLE_ARNS", "OWN_ROLE_NAMESPACES", "ROLES_BY_NAMESPACE"],
)
def test_a_setting_that_tenants_replaced_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Ignored, it would seem to close what is open; the message names its successor."""
    monkeypatch.setenv(f"CLICKSTREAM_{name}", "false")
    with pytest.raises(SettingsError, match=rf"CLICKSTREAM_{name}: .*CLICKSTREAM_TENANTS"):
        settings.load()


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wrong variables, two names."""
    monkeypatch.setenv("CLICKSTREAM_WORKERS", "x")
    monkeypatch.setenv("CLICKSTREAM_LISTEN_PORT", "y")
    with pytest.raises(SettingsError, match=r"CLICKSTREAM_WORKERS=.*; CLICKSTREAM_LISTEN_PORT="):
        settings.load()


@pytest.mark.parametrize("name", ["processor", "detector", "collector"])
def test_missing_package_is_named_with_a_remedy(packages: Path, name: str) -> None:
    """The operator does not start without what it must upload."""
    (packages / f"{name}.zip").unlink()
    with pytest.raises(SettingsError, match=rf"CLICKSTREAM_PACKAGES=.*{name}\.zip.*make lambdas"):
        settings.load()


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces and empty parts do not matter."""
    monkeypatch.setenv("CLICKSTREAM_WATCH_NAMESPACES", " shop, ,web ,")
    found = settings.load()
    assert found.watch_namespaces == ("shop", "web")


def test_default_region_has_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's own variable, then AWS's two."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    assert settings.load().default_region() == "eu-west-3"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert settings.load().default_region() == "eu-west-2"
    monkeypatch.setenv("CLICKSTREAM_REGION", "eu-west-1")
    assert settings.load().default_region() == "eu-west-1"


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_wrong_region_of_aws_variables_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A default region that is none is said at the start, not by each pipeline."""
    monkeypatch.setenv(variable, "Frankfurt")
    with pytest.raises(SettingsError, match=rf"{variable}='Frankfurt': must be the name of an AWS"):
        settings.load()


def test_region_that_is_not_used_may_be_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's own variable decides, so the other one does not matter here."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "Frankfurt")
    monkeypatch.setenv("CLICKSTREAM_REGION", "eu-west-1")
    assert settings.load().default_region() == "eu-west-1"


@pytest.mark.parametrize("region", ["eusc-de-east-1", "us-gov-west-1", "us-isob-east-1"])
def test_regions_of_every_partition_are_regions(
    monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    """What a spec may name, the operator's default may be."""
    monkeypatch.setenv("CLICKSTREAM_REGION", region)
    assert settings.load().default_region() == region


@pytest.mark.parametrize(
    ("value", "endpoint", "expected"),
    [
        ("auto", None, True),
        ("auto", "AWS_ENDPOINT_URL", False),
        ("auto", "AWS_ENDPOINT_URL_S3", False),
        ("account-regional", "AWS_ENDPOINT_URL", True),
        ("global", None, False),
    ],
)
def test_bucket_namespace(
    monkeypatch: pytest.MonkeyPatch, *, value: str, endpoint: str | None, expected: bool
) -> None:
    """Auto: account-regional on AWS itself, global on anybody else's endpoint."""
    monkeypatch.setenv("CLICKSTREAM_BUCKET_NAMESPACE", value)
    if endpoint:
        monkeypatch.setenv(endpoint, "http://localhost")
    assert settings.load().account_regional_buckets() is expected


@pytest.mark.parametrize("text", [",", " ", " , "])
def test_a_list_that_names_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Taken for unset, it would let every namespace use the operator's credential."""
    monkeypatch.setenv("CLICKSTREAM_WATCH_NAMESPACES", text)
    with pytest.raises(SettingsError, match=r"CLICKSTREAM_WATCH_NAMESPACES.* names nothing"):
        settings.load()
