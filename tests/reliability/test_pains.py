"""What users of other operators filed as pain, one test each, proven on this one.

ack: aws-controllers-k8s/community, xp: crossplane/crossplane, xp_aws: provider-aws, upjet_aws and
upjet_azure: the Upjet providers, tfaws: terraform-provider-aws, pko: pulumi-kubernetes-operator,
kro: kubernetes-sigs/kro, kcc: k8s-config-connector, tofu: tofu-controller, kopf: nolar/kopf. The
number is the issue's.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
import tracemalloc
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
import yaml

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.reconcile.requeue import RequeuePolicy
from clickstream_operator.reconcile.state import GenerationState, ReconcileState
from clickstream_operator.runtime.predicates import Predicates
from clickstream_operator.runtime.watch import operator_settings
from clickstream_operator.runtime.workqueue import WorkQueue
from sandbox.aws.strict import StrictAws
from sandbox.operator_process import MANIFESTS
from sandbox.processes.process import wait_until
from tests.integration.aws_inventory import base_of, check_retained, left_in_aws
from tests.integration.pilot import ACCOUNT, Pilot, run
from tests.kstatus import Verdict, verdict

Body = dict[str, Any]
MOST_PASSES = 80
HOUR = 3600.0
#: A whole pipeline without what only watches it: eleven resources.
LEAN: dict[str, Any] = {
    "anomalyDetection": {"enabled": False},
    "dashboard": {"enabled": False},
    "alarms": {"enabled": False},
}
NOTHING_STAYS: dict[str, Any] = {
    "deletionPolicy": {"archive": "Delete", "tables": "Delete"},
    "tables": {"deletionProtection": False},
}
WRONG: dict[str, Any] = {
    "code": "InvalidArgumentException",
    "status": 400,
    "message": "The key is disabled.",
}


_BREATH: Final = 0.02


@pytest.fixture
def aws(pilot: Pilot) -> StrictAws:
    """Return the AWS that the pilot's controller talks to, without rules until a test asks."""
    pilot.sandbox.strict_aws.reset(["none"])
    return pilot.sandbox.strict_aws


def is_ready(body: Body) -> bool:
    """Whether Flux, Argo CD and Helm would go on."""
    return verdict(body) is Verdict.CURRENT


def live(
    pilot: Pilot,
    until: Callable[[Body], bool] = is_ready,
    *,
    seconds: float = 48 * HOUR,
) -> list[Body]:
    """Run passes, each at its time, until the object is as asked, or gone; it after each pass."""
    seen: list[Body] = []
    end = pilot.time + seconds
    for _ in range(MOST_PASSES):
        delay, body = run(_step(pilot))
        if body is None or delay is None:
            return seen
        if seen and body == seen[-1]:
            # The emulator prepares a function in real time, which no virtual clock hastens.
            time.sleep(_BREATH)
        seen.append(body)
        if until(body) or pilot.time + delay > end:
            return seen
        pilot.time += delay
    raise AssertionError(f"not there after {MOST_PASSES} passes: {seen[-1]['status']}")


async def _step(pilot: Pilot) -> tuple[float | None, Body | None]:
    """One pass, and the object after it: without kubectl, which takes longer than the pass."""
    delay = await pilot.step()
    return delay, await pilot.controller._services.kube.get(pilot.key)


def condition(body: Body, kind: str) -> dict[str, Any]:
    """One condition, empty when it is absent."""
    found = [one for one in body["status"]["conditions"] if one["type"] == kind]
    return dict(found[0]) if found else {}


def reasons(bodies: list[Body]) -> set[str]:
    """Every reason that any resource ever had."""
    return {one.get("reason", "") for body in bodies for one in body["status"]["resources"]}


def attempts(aws: StrictAws, service: str, operation: str) -> Counter[str]:
    """Calls of one operation by outcome."""
    counted: Counter[str] = Counter()
    for (_, _, outcome), count in aws.calls(service, operation).items():
        counted[outcome] += count
    return counted


def never(_body: Body) -> bool:
    """Go on until the object is gone, or the time is over."""
    return False


def test_ack_2102_a_role_it_never_created_is_not_deleted(pilot: Pilot) -> None:
    """An operator that goes by names alone deletes a role that a person made."""
    iam, role = pilot.client("iam"), f"{base_of(pilot)}-processor"
    iam.create_role(RoleName=role, Path="/clickstream/", AssumeRolePolicyDocument="{}")
    # Kubernetes dates objects to the second: the role is to be older than the pipeline.
    second = int(time.time())
    assert wait_until(lambda: int(time.time()) > second, 5)
    pilot.apply(LEAN)
    run(pilot.step())
    assert pilot.resource("processor-role")["reason"] == "OwnershipConflict"
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    assert iam.get_role(RoleName=role)["Role"]["RoleName"] == role
    assert {one for one in pilot.accepted if one.startswith(("iam:", "lambda:"))} == set()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"region": "us-east-1"}, {"region": "eu-west-1"}),
        ({"names": {"countersTable": "counts"}}, {}),
    ],
)
def test_ack_1543_an_edit_that_can_not_be_made_is_refused_at_once(
    pilot: Pilot, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """An immutable field is edited, and a second resource appears, or nothing at all happens."""
    pilot.apply(before)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        pilot.apply(after)
    assert f"{next(iter(before))} is fixed at creation; create another" in refused.value.stderr
    body = pilot.body()
    assert body is not None
    assert body["metadata"]["generation"] == 1


def test_ack_2597_a_document_in_other_words_is_no_drift(pilot: Pilot) -> None:
    """A policy that AWS returns in another order is rewritten for ever, and the spec with it."""
    pilot.apply(LEAN)
    run(pilot.converge())
    before = pilot.body()
    iam, role = pilot.client("iam"), f"{base_of(pilot)}-processor"
    stored = iam.get_role_policy(RoleName=role, PolicyName="clickstream")["PolicyDocument"]
    for statement in stored["Statement"]:
        for member in ("Action", "Resource"):
            if isinstance(statement[member], list):
                statement[member].reverse()
    stored["Statement"].reverse()
    iam.put_role_policy(
        RoleName=role, PolicyName="clickstream", PolicyDocument=json.dumps(stored, indent=3)
    )
    pilot.forget_calls()
    for _ in range(3):
        run(pilot.resync())
    assert any(one.operation == "get_role_policy" for one in pilot.calls)
    assert (pilot.writes(), pilot.kube_writes) == ({}, [])
    assert pilot.body() == before


def test_ack_2869_a_correction_that_never_holds_comes_to_an_end(pilot: Pilot) -> None:
    """Two owners of one field overwrite each other until somebody reads the bill."""
    pilot.apply(LEAN)
    run(pilot.converge())
    stream, kinesis = f"{base_of(pilot)}-events", pilot.client("kinesis")
    for _ in range(5):
        summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        if summary["RetentionPeriodHours"] == 24:
            kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=72)
        run(pilot.resync())
    assert pilot.accepted["kinesis:decrease_stream_retention_period"] == 3
    assert pilot.resource("stream")["reason"] == "DriftLoop"
    assert verdict(pilot.body() or {}) is Verdict.FAILED


def test_xp_aws_461_an_error_with_another_request_id_is_no_news(
    pilot: Pilot, aws: StrictAws
) -> None:
    """Each error has a new id, each id a new status, each status a new pass: a hot loop."""
    pilot.apply(LEAN)
    for number in range(4):
        aws.end_faults()
        aws.inject(
            "error",
            service="sqs",
            operation="CreateQueue",
            code="InvalidParameterValue",
            status=400,
            message=f"The value is wrong (RequestID: {uuid.uuid4()}, Host ID: {uuid.uuid4().hex})",
        )
        run(pilot.step())
        if number:
            assert pilot.kube_writes == []
        pilot.time += 60
        pilot.forget_calls()
    assert "The value is wrong" in pilot.condition("Stalled")["message"]


def test_xp_aws_847_an_idle_pipeline_costs_almost_nothing(pilot: Pilot) -> None:
    """Idle objects poll AWS until it throttles everybody, and assume a role for each look."""
    pilot.apply()
    run(pilot.converge())
    pilot.forget_calls()
    began = pilot.time
    for _ in range(6):
        pilot.time += run(pilot.step()) or 0.0
    hourly = len(pilot.calls) * HOUR / (pilot.time - began)
    assert hourly <= 280
    assert [one for one in pilot.calls if one.service == "sts"] == []
    assert (pilot.writes(), pilot.kube_writes) == ({}, [])


@pytest.mark.parametrize(
    ("operation", "restarts"),
    [("CreateQueue", 0), ("StartStreamEncryption", 2)],
)
def test_upjet_aws_1772_a_rejected_call_is_tried_less_and_less(
    pilot: Pilot, aws: StrictAws, operation: str, restarts: int
) -> None:
    """AWS rejects a call, the operator repeats it at full speed and fills CloudTrail."""
    aws.inject("error", operation=operation, **WRONG)
    pilot.apply(LEAN)
    for _ in range(restarts + 1):
        live(pilot, never, seconds=HOUR / (restarts + 1))
        pilot.restart()
    rejected = sum(one["operation"] == operation for one in aws.writes())
    # Doubling pauses for five minutes, then the resyncs; a new process starts over.
    assert 3 < rejected <= 24 + 8 * restarts


async def test_xp_aws_2029_an_edit_overtakes_an_hour_of_backlog() -> None:
    """Thousands of objects are polled at the same moment and an edit waits behind all of them."""
    queue = WorkQueue(clock=lambda: 0.0)
    backlog = [ObjectKey("shop", str(number)) for number in range(3000)]
    for key in backlog:
        queue.add(key)
    queue.add(backlog[-1], urgent=True)
    assert await queue.get() == backlog[-1]
    dice = random.Random(1)  # noqa: S311 no secret
    requeue = RequeuePolicy(clock=lambda: 0.0, jitter=dice.random)
    due: Counter[int] = Counter()
    for _ in backlog:
        state = ReconcileState("", GenerationState(1))
        requeue.plan_resync(state, 300)
        due[int(state.generation.resync_due)] += 1
    assert max(due.values()) < len(backlog) / 20


@pytest.mark.plain_aws("AWS takes its time for each: that nothing is added to it is tried here")
def test_xp_2477_a_dependent_is_woken_in_the_same_pass(pilot: Pilot) -> None:
    """A dependent waits for the next poll, minutes away, although what it needs is there."""
    pilot.apply(LEAN)
    run(pilot.step())
    # Five levels down the function is made; the emulator takes a moment to call it Active.
    assert pilot.accepted["lambda:create_function"] == 1
    waiting = {one["name"] for one in pilot.status()["resources"] if one["state"] != "Ready"}
    assert waiting <= {"processor", "processor-mapping"}


def test_xp_2649_there_is_one_crd_and_it_is_small() -> None:
    """Hundreds of CRDs cost the API server gigabytes, and one too large can't be applied."""
    (found,) = (Path(__file__).parents[2] / "crds").glob("*.yaml")
    (document,) = yaml.safe_load_all(found.read_text())
    assert [one["name"] for one in document["spec"]["versions"]] == ["v1alpha1"]
    assert len(json.dumps(document)) < 262_144 / 2


def test_upjet_aws_325_memory_does_not_grow_with_the_size_of_objects() -> None:
    """Gigabytes for a few hundred objects, because each is cached whole."""
    store = Predicates()

    def body(number: int) -> Body:
        resources = [{"name": str(part), "message": "x" * 400} for part in range(50)]
        return {
            "metadata": {"uid": f"uid-{number}", "generation": 1, "finalizers": ["ours"]},
            "status": {"resources": resources},
        }

    tracemalloc.start()
    for number in range(500):
        store.changed(ObjectKey("shop", str(number)), body(number))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / 500 < 2048


def test_kro_724_it_lists_and_watches_nothing_but_its_own_kind() -> None:
    """Two gigabytes at the start in a cluster with large CRDs, because all of them are listed."""
    documents = [one for path in MANIFESTS for one in yaml.safe_load_all(path.read_text())]
    listed = {
        resource
        for document in documents
        for rule in document.get("rules", ())
        for resource in rule["resources"]
        if {"list", "watch", "*"} & set(rule["verbs"])
    }
    assert listed == {"clickstreampipelines"}


def test_ack_2420_every_setting_of_a_stream_is_changed_in_place(
    pilot: Pilot, aws: StrictAws
) -> None:
    """Retention, key, metrics and mode are missing, so the stream has to be made by hand."""
    aws.reset(["kinesis-states", "kinesis-modes"])
    pilot.apply(LEAN)
    live(pilot)
    stream = {
        "retentionHours": 30,
        "kmsKeyId": "alias/clicks",
        "shardLevelMetrics": ["IncomingBytes"],
        "mode": "OnDemand",
    }
    hours = {"sessionMetricsHours": 60, "countersHours": 60}
    pilot.apply(LEAN | {"stream": stream, "tables": {"ttl": hours}})
    live(pilot)
    kinesis = boto3.client(
        "kinesis",
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="sandbox",
    )
    summary = kinesis.describe_stream_summary(StreamName=f"{base_of(pilot)}-events")[
        "StreamDescriptionSummary"
    ]
    assert summary["RetentionPeriodHours"] == 30
    assert summary["KeyId"] == "alias/clicks"
    assert summary["EnhancedMonitoring"] == [{"ShardLevelMetrics": ["IncomingBytes"]}]
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert attempts(aws, "kinesis", "CreateStream") == {"OK": 1}


def test_tfaws_46699_two_shards_become_sixteen(pilot: Pilot, aws: StrictAws) -> None:
    """AWS doubles at most, so a larger step fails and is left to the user."""
    aws.reset(["kinesis-states", "kinesis-resizes"])
    pilot.apply(LEAN)
    live(pilot)
    aws.inject(
        "error",
        operation="UpdateShardCount",
        nth=2,
        code="LimitExceededException",
        status=400,
        message="The stream can't be scaled more than ten times per rolling 24-hour period.",
    )
    pilot.apply(LEAN | {"stream": {"shards": 16}})
    seen = live(pilot)
    assert attempts(aws, "kinesis", "UpdateShardCount") == {"OK": 3, "LimitExceededException": 1}
    summary = pilot.client("kinesis").describe_stream_summary(StreamName=f"{base_of(pilot)}-events")
    assert summary["StreamDescriptionSummary"]["OpenShardCount"] == 16
    assert {verdict(body) for body in seen[:-1]} == {Verdict.IN_PROGRESS}


def test_ack_2294_busy_is_progress_not_failure(pilot: Pilot, aws: StrictAws) -> None:
    """While AWS is at work the next change is refused, and that is shown as an error."""
    aws.reset(["lambda-states=20", "lambda-mappings", "dynamodb-states=20", "dynamodb-backups"])
    pilot.apply(LEAN)
    seen = live(pilot)
    changed = {
        "processor": {"memoryMiB": 512, "architecture": "x86_64", "batchSize": 10},
        "tables": {"deletionProtection": False, "kmsKeyId": "alias/clicks"},
    }
    pilot.apply(LEAN | changed)
    aws.inject(
        "error",
        operation="UpdateFunctionCode*",
        count=1,
        code="ResourceConflictException",
        status=409,
        message="The operation cannot be performed at this time. An update is in progress.",
    )
    seen += live(pilot)
    assert {verdict(body) for body in seen} <= {Verdict.IN_PROGRESS, Verdict.CURRENT}
    assert reasons(seen) <= {"", "WaitingForAWS", "WaitingForDependency", "Conflict"}
    refused = [one for one in aws.writes() if one["outcome"] != "OK" and not one["fault"]]
    assert {one["outcome"] for one in refused} <= {"ContinuousBackupsUnavailableException"}


@pytest.mark.parametrize(("seconds", "worst"), [(110, "InProgress"), (1200, "Failed")])
def test_ack_1844_a_role_that_is_not_known_yet_is_waited_for(
    pilot: Pilot, aws: StrictAws, seconds: int, worst: str
) -> None:
    """A role is seconds old, Lambda refuses it, and only a restart of the pod tries again."""
    aws.reset([f"iam-new-roles={seconds}", f"iam-new-policies={seconds}"])
    pilot.apply(LEAN)
    seen = live(pilot)
    assert {verdict(body).value for body in seen} == {"InProgress", "Current", worst}
    assert "cannot be assumed" in json.dumps(seen[0]["status"])
    assert attempts(aws, "iam", "CreateRole") == {"OK": 1}


def test_ack_3006_an_invalid_value_stalls_and_a_new_one_is_tried_at_once(
    pilot: Pilot, aws: StrictAws
) -> None:
    """An invalid value is retried for ever, or a corrected one waits for the old backoff."""
    pilot.apply(LEAN)
    live(pilot)
    aws.inject("error", operation="StartStreamEncryption", **WRONG)
    pilot.apply(LEAN | {"stream": {"kmsKeyId": "alias/disabled"}})
    (first, *_) = seen = live(pilot, never, seconds=1200)
    assert verdict(first) is Verdict.FAILED
    assert "The key is disabled." in condition(first, "Stalled")["message"]
    assert len(seen) < 20
    aws.end_faults()
    pilot.apply(LEAN | {"stream": {"kmsKeyId": "alias/clicks"}})
    run(pilot.step())
    assert verdict(pilot.body() or {}) is Verdict.CURRENT


def test_ack_1583_every_condition_says_which_generation_it_is_about(pilot: Pilot) -> None:
    """`kubectl wait` believes a condition that is about the spec before the last edit."""
    pilot.apply(LEAN)
    assert verdict(pilot.body() or {}) is Verdict.IN_PROGRESS
    run(pilot.converge())
    assert verdict(pilot.body() or {}) is Verdict.CURRENT
    pilot.apply(LEAN | {"environment": "prod"})
    assert verdict(pilot.body() or {}) is Verdict.IN_PROGRESS
    run(pilot.converge())
    status = pilot.status()
    assert {one["observedGeneration"] for one in status["conditions"]} == {2}
    assert status["observedGeneration"] == 2


def test_ack_2510_what_happened_is_told_in_events(pilot: Pilot) -> None:
    """`kubectl describe` shows nothing of what the operator did."""
    pilot.apply(LEAN)
    run(pilot.converge())
    told = [(one["reason"], one["note"]) for one in pilot.events()]
    assert any(reason == "ResourceCreated" and "stream" in note for reason, note in told)
    assert told[-1] == ("Available", "11 resources ready")
    # One of each pass that wrote something: AWS takes the changes of a stream one by one.
    assert len(told) < 10


def test_upjet_azure_622_it_is_not_ready_while_an_update_fails(
    pilot: Pilot, aws: StrictAws
) -> None:
    """Ready=True of the old spec lets the next sync wave start although the update failed."""
    pilot.apply(LEAN)
    live(pilot)
    aws.inject("access_denied", operation="UpdateFunctionConfiguration*")
    pilot.apply(LEAN | {"processor": {"memoryMiB": 512}})
    assert verdict(pilot.body() or {}) is Verdict.IN_PROGRESS
    seen = live(pilot, never, seconds=200)
    assert len(seen) > 3
    for body in seen:
        assert condition(body, "Ready")["status"] == "False"
        assert condition(body, "Ready")["observedGeneration"] == 2
    aws.end_faults()
    live(pilot)


@pytest.mark.parametrize("fault", ["throttle", "error", "access_denied"])
def test_pko_1007_what_does_not_get_better_is_called_stalled(
    pilot: Pilot, aws: StrictAws, fault: str
) -> None:
    """Argo CD shows Progressing for ever, and nobody is told that a person must act."""
    aws.inject(fault, service="sqs", operation="CreateQueue")
    pilot.apply(LEAN)
    seen = live(pilot, never, seconds=1000)
    verdicts = [verdict(body) for body in seen]
    assert verdicts[0] is Verdict.IN_PROGRESS
    assert verdicts[-1] is Verdict.FAILED
    assert verdicts == sorted(verdicts, key=lambda one: one is Verdict.FAILED)
    assert "sqs:create_queue failed" in condition(seen[-1], "Stalled")["message"]
    aws.end_faults()
    live(pilot)


def test_pko_1293_no_wait_for_aws_holds_a_worker(pilot: Pilot, aws: StrictAws) -> None:
    """Work that waits for AWS fills all workers for hours, and deletions can't begin."""
    aws.reset(["kinesis-states=600", "dynamodb-states=600"])
    pilot.apply(LEAN)
    # AWS's clock stands still during a pass: one that waited would not end.
    delays = []
    for _ in range(12):
        delays.append(run(pilot.step()) or 0.0)
        pilot.time += delays[-1]
    assert delays[0] == 10
    assert max(delays) <= 30
    assert pilot.resource("stream")["state"] == "Creating"
    pilot.request_deletion()
    run(pilot.step())
    assert attempts(aws, "sqs", "DeleteQueue") == {"OK": 1}
    live(pilot, never)
    assert pilot.body() is None


def test_xp_4251_what_was_never_made_needs_no_deletion(pilot: Pilot) -> None:
    """An object that never got anywhere can't be deleted, because its finalizer was there first."""
    pilot.apply({"credentials": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/none"}})
    run(pilot.step())
    assert "finalizers" not in (pilot.body() or {})["metadata"]
    pilot.request_deletion()
    assert pilot.body() is None
    assert pilot.calls == []


def test_kcc_3727_what_is_gone_already_needs_no_deletion(pilot: Pilot) -> None:
    """Somebody emptied the account by hand, and the deletion waits for what is not there."""
    pilot.apply(LEAN)
    run(pilot.converge())
    pilot.sandbox.reset_aws()
    pilot.time += 60
    pilot.request_deletion()
    run(pilot.step())
    assert pilot.body() is None


def test_capa_2270_a_dead_credential_blocks_with_words_and_a_way_out(
    pilot: Pilot, aws: StrictAws
) -> None:
    """The credential is gone for good and the object hangs in Terminating without a reason."""
    pilot.apply(LEAN)
    live(pilot)
    pilot.restart()
    aws.inject("expired_token")
    pilot.request_deletion()
    seen = live(pilot, never, seconds=900)
    assert verdict(seen[-1]) is Verdict.TERMINATING
    assert condition(seen[-1], "Stalled")["reason"] == "CredentialsInvalid"
    assert condition(seen[-1], "Stalled")["message"].startswith("deletion waits: ExpiredToken")
    pilot.sandbox.kubectl("annotate", "csp", pilot.name, "clickstream.dev/force-delete=true")
    run(pilot.step())
    assert pilot.body() is None


def test_xp_6878_nothing_is_forgotten_during_a_network_cut(pilot: Pilot, aws: StrictAws) -> None:
    """No answer is taken for "not found": the object goes, its resources stay and cost."""
    pilot.apply(LEAN | NOTHING_STAYS)
    live(pilot)
    made = {one["name"] for one in pilot.status()["resources"]}
    pilot.request_deletion()
    aws.inject("drop_before")
    seen = live(pilot, never, seconds=600)
    assert verdict(seen[-1]) is Verdict.TERMINATING
    kept = {one["name"] for one in seen[-1]["status"]["resources"]}
    assert kept == made
    aws.end_faults()
    live(pilot, never)
    assert pilot.body() is None
    assert set().union(*left_in_aws(pilot).values()) == set()


def test_xp_4839_a_suspended_pipeline_can_be_deleted(pilot: Pilot) -> None:
    """A paused object and its namespace hang in Terminating."""
    pilot.apply(LEAN)
    run(pilot.converge())
    pilot.apply(LEAN | {"suspend": True, "driftPolicy": "Report", "approval": "Manual"})
    run(pilot.step())
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)


def test_ack_1393_a_full_bucket_blocks_with_its_count_and_a_way_out(pilot: Pilot) -> None:
    """BucketNotEmpty for ever, and the only way out is another tool."""
    pilot.apply(LEAN | {"deletionPolicy": {"archive": "Delete"}})
    run(pilot.converge())
    bucket = pilot.resource("archive")["physicalName"]
    pilot.client("s3").put_object(Bucket=bucket, Key="raw/kept", Body=b"x")
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.condition("Stalled")["reason"] == "DeletionBlocked"))
    assert "holds 1 object versions" in pilot.condition("Stalled")["message"]
    pilot.apply(LEAN | {"deletionPolicy": {"archive": "Empty"}})
    run(pilot.converge(lambda: pilot.body() is None))
    assert left_in_aws(pilot)["buckets"] == set()


def test_ack_2046_the_objects_own_deletion_policy_holds(pilot: Pilot) -> None:
    """The object says Retain, the controller's default says delete, and the data is gone."""
    kept = {"stream": "Retain", "deadLetter": "Retain", "tables": "Delete"}
    pilot.apply(LEAN | {"deletionPolicy": kept, "tables": {"deletionProtection": False}})
    run(pilot.converge())
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    left, base = left_in_aws(pilot), base_of(pilot)
    assert left["streams"] == {f"{base}-events"}
    assert left["queues"] == {f"{base}-dead-letter"}
    assert left["tables"] == set()
    assert len(left["buckets"]) == 1


def test_ack_82_a_deleted_namespace_takes_no_data_along() -> None:
    """`kubectl delete namespace` deletes every bucket and table that objects in it stood for.

    The deletion of a namespace itself is in the controller's integration tests.
    """
    kept = Spec().deletion_policy
    assert (kept.archive, kept.tables, kept.adopted) == ("Retain", "Retain", "Retain")


# More that users filed


def test_ack_1707_what_a_removed_finalizer_left_behind_is_found_again(pilot: Pilot) -> None:
    """A script removed the finalizer; the next object of the name meets what is left in AWS."""
    pilot.apply(LEAN)
    run(pilot.converge())
    pilot.request_deletion()
    pilot.sandbox.kubectl(
        "patch", "csp", pilot.name, "--type=merge", '-p={"metadata":{"finalizers":[]}}'
    )
    assert pilot.body() is None
    pilot.forget_calls()
    pilot.apply(LEAN)
    run(pilot.converge())
    assert [one for one in pilot.accepted if "create" in one] == []
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    check_retained(pilot)


@pytest.mark.parametrize("deleting", [True, False], ids=["kro_1171", "tofu_531"])
def test_a_process_that_dies_half_way_is_followed_by_one_that_ends_the_work(
    pilot: Pilot, *, deleting: bool
) -> None:
    """A restart in the middle of a deletion or an update leaves a state that nobody understands."""
    pilot.apply(LEAN)
    run(pilot.converge())
    changed = LEAN | {"processor": {"memoryMiB": 512}, "logs": {"retentionDays": 30}}
    if deleting:
        pilot.request_deletion()
    else:
        pilot.apply(changed)
    with pilot.dying_at(1):
        run(pilot.converge(lambda: False))
    if deleting:
        run(pilot.converge(lambda: pilot.body() is None))
        check_retained(pilot)
        return
    run(pilot.converge())
    done = pilot.accepted
    assert done["lambda:update_function_configuration"] == 1
    assert done["logs:put_retention_policy"] == 2


def test_kcc_479_a_throttled_deletion_comes_to_its_end(pilot: Pilot, aws: StrictAws) -> None:
    """Deletions are throttled, and one that failed is not tried again."""
    pilot.apply(LEAN | NOTHING_STAYS)
    live(pilot)
    pilot.request_deletion()
    aws.inject("throttle", operation="Delete*", every=2)
    seen = live(pilot, never)
    assert pilot.body() is None
    assert seen
    assert set().union(*left_in_aws(pilot).values()) == set()


def test_kopf_585_an_edit_that_no_watch_told_of_is_applied(pilot: Pilot) -> None:
    """The watch dies without a word, and edits are not seen until the pod is restarted."""
    pilot.apply(LEAN)
    run(pilot.converge())
    pilot.apply(LEAN | {"logs": {"retentionDays": 30}})
    # Nobody queued the edit: the next resync finds it.
    run(pilot.resync())
    assert pilot.status()["observedGeneration"] == 2
    assert pilot.accepted["logs:put_retention_policy"] == 2
    with ThreadPoolExecutor(1) as pool:
        assert operator_settings(pool).watching.inactivity_timeout == 70


@pytest.mark.parametrize("seconds", [0, 1.3])
def test_a_blind_resync_does_not_call_a_ready_pipeline_broken(
    pilot: Pilot, aws: StrictAws, seconds: float
) -> None:
    """One service does not answer for a moment, another is slow, and Ready flips to False."""
    pilot.apply(LEAN)
    live(pilot)
    pilot.forget_calls()
    aws.inject("error", operation="DescribeStreamSummary", code="InternalFailure", status=500)
    aws.inject("delay", operation="ListEventSourceMappings", seconds=seconds)
    run(pilot.resync())
    assert pilot.condition("Ready")["status"] == "True"
    assert pilot.kube_writes == []
