"""Every way in for a credential, and every way to fail: its reason and the remedy that helps."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.assume_role import Role
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session_pool import SessionPool
from clickstream_operator.kube.objects import ObjectKey, parse
from clickstream_operator.reconcile.identity import identify
from clickstream_operator.status.result import Blocker

ROLE = "arn:aws:iam::123456789012:role/op"
PIPELINE = parse(ObjectKey("shop", "web"), {"metadata": {"generation": 1}, "spec": {}})


class Answering(ThreadingHTTPServer):
    """An endpoint on loopback that answers every request alike: STS, or the agent of a node."""

    status, body, kind = 400, b"", "text/xml"

    @property
    def address(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def refuse(self, code: str, message: str, status: int = 400) -> None:
        """Answer as STS does when it refuses."""
        self.status, self.kind = status, "text/xml"
        self.body = (
            '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
            f"<Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            "<RequestId>r</RequestId></ErrorResponse>"
        ).encode()

    def say(self, document: dict[str, str], status: int) -> None:
        """Answer as an agent does."""
        self.status, self.kind, self.body = (
            status,
            "application/json",
            json.dumps(document).encode(),
        )


class _Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_GET(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.server.status)
        self.send_header("Content-Type", self.server.kind)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_POST = do_GET  # noqa: N815 the base class looks for this name

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[Answering]:
    """The endpoint, running."""
    server = Answering(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credential anywhere, and no metadata service."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("HOME", str(tmp_path))


async def blocker(role: Role | None = None) -> Blocker:
    """The blocker of a pipeline whose credential fails."""
    with ThreadPoolExecutor(2) as threads:
        session = SessionPool(executor=threads, limits=Limits(enabled=False))("eu-west-1", role)
        found = await identify(PIPELINE, session)
    assert isinstance(found, Blocker)
    return found


@pytest.fixture
def irsa(endpoint: Answering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A token that can be read, and STS at the endpoint."""
    (tmp_path / "token").write_text("a.b.c")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", endpoint.address)


def _missing(path: Path) -> None:
    assert not path.exists()


def _folder(path: Path) -> None:
    path.mkdir()


def _binary(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00token")


def _loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("spoil", [_missing, _folder, _binary, _loop])
@pytest.mark.parametrize(
    ("variable", "remedy"),
    [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "eks.amazonaws.com/role-arn"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "Pod Identity association"),
    ],
)
async def test_a_token_file_that_cannot_be_read(
    spoil: object,
    variable: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Missing, a folder, not text, not resolvable: the variable, the path and what to mend."""
    path = tmp_path / "token"
    assert callable(spoil)
    spoil(path)
    monkeypatch.setenv(variable, str(path))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/v1/credentials")
    found = await blocker()
    assert found.reason is Reason.CREDENTIALS_INVALID
    assert f"{variable} names {path}" in found.message
    assert remedy in found.message


async def test_a_token_file_without_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system's word for it, whoever runs the tests."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied", "/var/run/secrets/token")

    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setattr("botocore.utils.FileWebIdentityTokenLoader.__call__", refuse)
    found = await blocker()
    assert found.reason is Reason.CREDENTIALS_INVALID
    assert "/var/run/secrets/token: Permission denied" in found.message
    assert "fsGroup" in found.message


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("InvalidIdentityToken", "No OpenIDConnect provider found", "OIDC provider"),
        ("InvalidIdentityToken", "Incorrect token audience", "audience"),
        ("AccessDenied", "Not authorized to perform it", "this ServiceAccount as sub"),
        ("IDPRejectedClaim", "Token is expired", "restart the Pod"),
        ("ExpiredTokenException", "Token expired", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("ValidationError", "webIdentityToken is too short", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("RegionDisabledException", "STS is not activated in this region", "enable the region"),
    ],
)
async def test_irsa_that_sts_refuses(
    code: str,
    message: str,
    remedy: str,
    endpoint: Answering,
    irsa: None,
) -> None:
    """Provider, audience, trust, region: STS's words and the remedy for each."""
    endpoint.refuse(code, message, 403 if code == "AccessDenied" else 400)
    found = await blocker()
    assert found.reason is Reason.CREDENTIALS_INVALID
    assert message in found.message
    assert remedy in found.message


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("InvalidClientTokenId", "The security token is invalid", "renew"),
        ("ExpiredToken", "The security token is expired", "renew"),
        ("SignatureDoesNotMatch", "The signature does not match", "renew"),
        ("SignatureDoesNotMatch", "Signature expired: it is now earlier", "clock"),
        ("RequestExpired", "Request has expired", "clock"),
        ("RequestTimeTooSkewed", "The difference is too large", "clock"),
    ],
)
async def test_static_keys_that_sts_refuses(
    code: str, message: str, remedy: str, endpoint: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key to renew, or a clock to set."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", endpoint.address)
    endpoint.refuse(code, message, 403)
    found = await blocker()
    assert found.reason is Reason.CREDENTIALS_INVALID
    assert remedy in found.message


async def test_a_pod_identity_agent_that_refuses_is_quoted(
    endpoint: Answering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The agent's own words, not "no credentials"."""
    (tmp_path / "token").write_text("t")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{endpoint.address}/v1/credentials")
    endpoint.say({"message": "(AccessDenied): no association for this Pod"}, 400)
    found = await blocker()
    assert found.reason is Reason.CREDENTIALS_INVALID
    assert "no association for this Pod" in found.message
    assert "pods.eks.amazonaws.com" in found.message


def _profile(folder: Path, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("AWS_PROFILE", "nobody")
    return "AWS_PROFILE"


def _broken_config(folder: Path, patch: pytest.MonkeyPatch) -> str:
    (folder / "config").write_text("[profile\nx")
    patch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    return "AWS_CONFIG_FILE"


def _sso(folder: Path, patch: pytest.MonkeyPatch) -> str:
    (folder / "config").write_text(
        "[profile dev]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n"
        "region = eu-west-1\n[sso-session s]\nsso_region = eu-west-1\n"
        "sso_start_url = https://example.awsapps.com/start\n"
    )
    patch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    patch.setenv("AWS_PROFILE", "dev")
    return "aws sso login"


def _half(folder: Path, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("AWS_ACCESS_KEY_ID", "a")
    return "set what is missing"


def _nothing(folder: Path, patch: pytest.MonkeyPatch) -> str:
    return "give the operator's ServiceAccount a role"


@pytest.mark.parametrize("lack", [_profile, _broken_config, _sso, _half, _nothing])
async def test_a_configuration_without_a_credential(
    lack: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Profile, file, login, half a key, nothing: each is named with its remedy."""
    assert callable(lack)
    remedy = lack(tmp_path, monkeypatch)
    found = await blocker()
    assert found.reason is Reason.CREDENTIALS_INVALID
    assert remedy in found.message


async def test_a_fault_of_ours_is_not_called_a_credential(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another file that can't be read stays what it is: a defect that is told as one."""

    def fail(*_arguments: object, **_options: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", str(tmp_path / "other"))

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", fail)
    with pytest.raises(FileNotFoundError):
        await blocker()
