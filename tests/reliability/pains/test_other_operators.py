"""Pains that users of other operators filed, one test each, proven on this operator.

tfaws: terraform-provider-aws, pko: pulumi-kubernetes-operator, kro: kubernetes-sigs/kro, kcc:
k8s-config-connector, capa: cluster-api-provider-aws, tofu: tofu-controller, kopf: nolar/kopf. The
number is that of the issue.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from clickstream_operator.runtime.watch import operator_settings
from sandbox.aws.strict import StrictAws
from sandbox.operator_process import MANIFESTS
from tests.integration.aws_inventory import base_of, check_retained, left_in_aws
from tests.integration.pilot import Pilot, run
from tests.integration.specs import LEAN, NOTHING_STAYS
from tests.kstatus import Verdict, verdict
from tests.reliability.pains.virtual_time import (
    attempts,
    condition,
    live,
    never,
)


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
    # AWS's clock stands still during a reconcile: one that waited would not end.
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
