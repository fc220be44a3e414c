"""The sandbox itself, with its real programs: what its users rely on."""

import io
import json
import os
import signal
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from sandbox import Sandbox, SandboxError
from sandbox.processes.process import Process, marked, wait_until
from sandbox.processes.run import Run
from sandbox.programs import binaries

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0


@pytest.fixture
def namespace(sandbox: Sandbox) -> str:
    """Create a namespace; it is left to the end of the sandbox."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    sandbox.kubectl("create", "namespace", name)
    return name


@pytest.fixture
def aws(sandbox: Sandbox) -> Iterator[Callable[[str], Any]]:
    """Return a maker of AWS clients, on an emulator that is wiped afterwards."""
    yield lambda service: client(sandbox, service)
    sandbox.reset_aws()


def client(sandbox: Sandbox, service: str, **overrides: str) -> Any:
    """Return a client that reaches the emulator as the environment of the sandbox says."""
    environment = sandbox.aws_environment()
    settings = {
        "endpoint_url": environment["AWS_ENDPOINT_URL"],
        "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        "region_name": environment["AWS_REGION"],
    }
    session = boto3.session.Session()
    return session.client(
        service,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20),
        **{**settings, **overrides},
    )


def code(source: str) -> dict[str, bytes]:
    """Return the `Code` argument of CreateFunction for a module `index` with `source`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", source)
    return {"ZipFile": packed.getvalue()}


def create_function(aws: Callable[[str], Any], source: str, **settings: Any) -> None:
    """Create the function `probe` in the runtime and architecture that the pipeline uses."""
    aws("lambda").create_function(
        FunctionName="probe",
        Runtime="python3.14",
        Architectures=["arm64"],
        Role="arn:aws:iam::123456789012:role/probe",
        Handler="index.handler",
        Code=code(source),
        **settings,
    )


def listening_addresses(processes: list[Process]) -> set[str]:
    """Return the local addresses (hexadecimal, as the kernel prints them) they listen on."""
    sockets = set()
    for process in processes:
        for descriptor in Path(f"/proc/{process.pid}/fd").glob("*"):
            with suppress(FileNotFoundError):  # Closed meanwhile: it listens no more.
                sockets.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and inode in sockets:
                addresses.add(local.rpartition(":")[0])
    return addresses


def run_command(
    *arguments: str, environment: dict[str, str], check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run the sandbox's command line as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=check,
        timeout=120,
    )


def test_server_and_client_have_the_pinned_version(sandbox: Sandbox) -> None:
    """Clients decide by the server's version what they send, so it has to be stamped."""
    versions = json.loads(sandbox.kubectl("version", "--output=json").stdout)
    assert binaries.version() == "v1.37.2"
    assert versions["serverVersion"]["gitVersion"] == binaries.version()
    assert versions["clientVersion"]["gitVersion"] == binaries.version()


def test_a_service_account_has_the_rights_of_its_roles_only(
    sandbox: Sandbox, namespace: str
) -> None:
    """RBAC refuses with 403 before the Role is bound and allows exactly it afterwards."""
    sandbox.kubectl("create", "serviceaccount", "reader", "-n", namespace)
    kubeconfig = sandbox.service_account_kubeconfig(namespace, "reader")

    def get(kind: str) -> subprocess.CompletedProcess[str]:
        return sandbox.kubectl("get", kind, f"--kubeconfig={kubeconfig}", check=False)

    refused = get("configmaps")
    assert refused.returncode == 1
    assert "Forbidden" in refused.stderr
    assert f"system:serviceaccount:{namespace}:reader" in refused.stderr

    sandbox.kubectl("create", "role", "r", "--verb=list", "--resource=configmaps", "-n", namespace)
    binding = ("rolebinding", "r", "--role=r", f"--serviceaccount={namespace}:reader")
    sandbox.kubectl("create", *binding, "-n", namespace)
    assert wait_until(lambda: get("configmaps").returncode == 0, PATIENCE)
    assert "Forbidden" in get("secrets").stderr


def test_a_missing_service_account_is_one_clear_error(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names what to create."""
    monkeypatch.setattr("sandbox.instance._ACCOUNT_SECONDS", 0.0)
    with pytest.raises(SandboxError, match="no ServiceAccount ghost in namespace default"):
        sandbox.service_account_kubeconfig("default", "ghost")


def test_a_deleted_namespace_goes_away_with_its_content(sandbox: Sandbox, namespace: str) -> None:
    """The namespace controller works."""
    sandbox.kubectl("create", "configmap", "content", "-n", namespace)
    sandbox.kubectl("delete", "namespace", namespace, f"--timeout={PATIENCE:.0f}s")
    assert sandbox.kubectl("get", "namespace", namespace, check=False).returncode == 1


def test_an_owned_object_goes_away_with_its_owner(sandbox: Sandbox, namespace: str) -> None:
    """The garbage collector works."""

    def config_map(name: str, **metadata: Any) -> str:
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": namespace, **metadata},
            }
        )

    sandbox.kubectl("create", "-f-", input=config_map("owner"))
    uid = sandbox.kubectl(
        "get", "configmap", "owner", "-n", namespace, "-o=jsonpath={.metadata.uid}"
    ).stdout
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    sandbox.kubectl("create", "-f-", input=config_map("owned", ownerReferences=[reference]))
    sandbox.kubectl("delete", "configmap", "owner", "-n", namespace)

    def gone() -> bool:
        return (
            "NotFound"
            in sandbox.kubectl("get", "configmap", "owned", "-n", namespace, check=False).stderr
        )

    assert wait_until(gone, PATIENCE)


def test_a_twelve_digit_access_key_is_its_own_account(sandbox: Sandbox) -> None:
    """Accounts are strangers to each other: what one creates the other does not find."""
    one = client(sandbox, "sts").get_caller_identity()
    other = client(sandbox, "sts", aws_access_key_id="999999999999").get_caller_identity()
    assert (one["Account"], other["Account"]) == ("123456789012", "999999999999")

    client(sandbox, "sqs").create_queue(QueueName="mine")
    theirs = client(sandbox, "sqs", aws_access_key_id="999999999999").list_queues()
    assert not theirs.get("QueueUrls")
    sandbox.reset_aws()
    assert not client(sandbox, "sqs").list_queues().get("QueueUrls")


def test_stream_records_reach_a_function_that_can_call_aws(
    sandbox: Sandbox, aws: Callable[[str], Any]
) -> None:
    """Kinesis, event source mapping, function and the function's own AWS calls are real."""
    create_function(
        aws,
        "import base64, boto3\n"
        "def handler(event, context):\n"
        "    for record in event['Records']:\n"
        "        body = base64.b64decode(record['kinesis']['data']).decode()\n"
        "        boto3.client('sqs').send_message(\n"
        "            QueueUrl=boto3.client('sqs').get_queue_url(QueueName='out')['QueueUrl'],\n"
        "            MessageBody=body)\n",
        Timeout=30,
    )
    queue = aws("sqs").create_queue(QueueName="out")["QueueUrl"]
    aws("kinesis").create_stream(StreamName="in", ShardCount=1)
    aws("lambda").create_event_source_mapping(
        FunctionName="probe",
        EventSourceArn="arn:aws:kinesis:us-east-1:123456789012:stream/in",
        StartingPosition="TRIM_HORIZON",
    )
    aws("kinesis").put_record(StreamName="in", Data=b"hello", PartitionKey="p")
    answer = aws("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=15)
    assert [message["Body"] for message in answer["Messages"]] == ["hello"]
    # The worker of the function stays warm: this is when it could listen somewhere.
    assert listening_addresses(marked(sandbox.run.mark)) == {"0100007F"}


def test_a_stopped_emulator_refuses_connections_until_it_starts_again(sandbox: Sandbox) -> None:
    """Stopping keeps the port, so the same client fails and then works again."""
    sts = client(sandbox, "sts", endpoint_url=sandbox.emulator_endpoint)
    sandbox.stop_aws()
    with pytest.raises(EndpointConnectionError):
        sts.get_caller_identity()
    sandbox.start_aws()
    assert sts.get_caller_identity()["Account"] == "123456789012"


def test_stop_leaves_nothing_not_even_a_busy_function(tmp_path: Path) -> None:
    """With IAM enforced and an audit log; no process, no file, no busy Lambda worker stays."""
    audit_log = tmp_path / "audit.jsonl"
    with Sandbox.start(iam_enforcement=True, audit_log=audit_log) as own:
        run = own.run
        iam = client(own, "iam")
        iam.create_user(UserName="nobody")
        key = iam.create_access_key(UserName="nobody")["AccessKey"]
        nobody = {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }
        with pytest.raises(ClientError, match="AccessDenied"):
            client(own, "kinesis", **nobody).list_streams()
        assert client(own, "kinesis").list_streams()["StreamNames"] == []

        iam.create_role(
            RoleName="probe",
            AssumeRolePolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                }
            ),
        )
        busy = "import time\ndef handler(event, context):\n    time.sleep(600)\n"
        create_function(lambda service: client(own, service), busy, Timeout=900)
        client(own, "lambda").invoke(FunctionName="probe", InvocationType="Event")
        mark = f"{run.mark}/ministack"
        assert wait_until(lambda: len(marked(mark)) > 1, PATIENCE)
    assert marked(run.mark) == []
    assert not run.folder.exists()
    events = [json.loads(line) for line in audit_log.read_text().splitlines()]
    assert {event["kind"] for event in events} == {"Event"}


def test_an_ephemeral_sandbox_ends_with_its_killed_starter() -> None:
    """Kill -9 gives the starter no chance to clean; the watchdog does."""
    script = (
        "import signal\n"
        "from sandbox import Sandbox\n"
        "started = Sandbox.start()\n"
        "print(started.run.folder, flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as starter:
        assert starter.stdout is not None
        folder = Path(starter.stdout.readline().strip())
        run = Run.load(folder)
        assert run is not None
        assert len(marked(run.mark)) == 5  # Four components and the watchdog.
        starter.kill()
    assert wait_until(lambda: marked(run.mark) == [], PATIENCE)
    assert wait_until(lambda: not folder.exists(), PATIENCE)


def test_up_outlives_its_starter_and_recovers_from_a_crash(tmp_path: Path) -> None:
    """One life of the standing sandbox: up, up again, crash, up, down, down again."""
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    folder = tmp_path / "clickstream-operator" / "sandbox" / "run"

    assert run_command("status", environment=environment, check=False).returncode == 3
    first = run_command("up", environment=environment)
    try:
        assert f"export KUBECONFIG={folder / 'kubeconfig'}" in first.stdout.splitlines()
        again = run_command("up", environment=environment)
        assert again.stdout == first.stdout

        crashed = Run.load(folder)
        assert crashed is not None
        crashed.components["kube-apiserver"].process.send(signal.SIGKILL)
        assert wait_until(lambda: not crashed.running(), PATIENCE)
        status = run_command("status", "-o", "json", environment=environment, check=False)
        assert status.returncode == 3
        states = {row["component"]: row["state"] for row in json.loads(status.stdout)["components"]}
        assert states["kube-apiserver"] == "ended"

        run_command("up", environment=environment)
        assert marked(crashed.mark) == []
        recovered = Run.load(folder)
        assert recovered is not None
        assert recovered.running()
        assert run_command("status", environment=environment).stdout.count("running") == 4
    finally:
        run_command("down", environment=environment)
    assert marked(recovered.mark) == []
    assert not folder.exists()
    assert run_command("down", environment=environment).returncode == 0
