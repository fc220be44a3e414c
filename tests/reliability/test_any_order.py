"""Whatever a user, a crash and other hands in AWS do, in any order, four things hold.

What is not ours stays as it is. Retained data stays. Ready is said of the current generation only
when AWS has it so. Every status obeys kstatus, which the journey checks at the end of a life.
`make test` takes a few lives, ``make test-sweeps`` many.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from clickstream_operator.aws import tags
from sandbox import Sandbox
from tests.integration.aws_inventory import left_in_aws
from tests.integration.pilot import empty_aws, run
from tests.kstatus import Verdict, verdict
from tests.reliability.journeys import LEAN, Spec
from tests.reliability.life import CONTENT, HANDS, OBJECT, Life

#: Lives, and steps of each: in `make test`, and in a whole sweep.
FEW: Final = (5, 8)
MANY: Final = (50, 25)
#: A full observation comes with every third resync, whose interval this exceeds.
RESYNCS: Final = 4
_RESYNC_SECONDS: Final = 361
#: What stays in AWS when the data is kept: the key goes with it, for its hashes.
_KEPT_KINDS: Final = {"tables", "buckets", "parameters"}
_SOMEBODY: Final = {tags.CLUSTER: "other", tags.NAMESPACE: "shop", tags.PIPELINE: "theirs"}

#: The data's policy, then one field of each of several services, and a feature that comes and goes.
specs: Final = st.fixed_dictionaries(
    {
        "deletionPolicy": st.sampled_from(
            [{"archive": "Retain", "tables": "Retain"}, {"archive": "Empty", "tables": "Delete"}]
        ),
        "processor": st.fixed_dictionaries({"memoryMiB": st.sampled_from([256, 512])}),
        "deadLetter": st.fixed_dictionaries({"retentionDays": st.sampled_from([3, 14])}),
        "stream": st.fixed_dictionaries({"retentionHours": st.sampled_from([24, 30])}),
        "dashboard": st.fixed_dictionaries({"enabled": st.booleans()}),
    }
)


class AnyOrder(RuleBasedStateMachine):
    """One pipeline's life. The possible steps depend on those before, not on AWS's answers."""

    sandbox: Sandbox
    numbers: Iterator[int]

    def __init__(self) -> None:
        super().__init__()
        self.journey = Life(self.sandbox, name=f"life-{next(self.numbers)}")
        self.aws = self.journey.client
        self.base = self.journey.base
        self.spec: Spec | None = None
        self.suspended = False
        self.made = False
        """It was Current once, so all its resources exist."""
        self.drifted = False
        """Another hand changed something, and no full observation has found it yet."""
        self.taken = False
        """The name of its queue is somebody else's."""
        self.may_be_left = False
        """Data of an earlier object of the name may be left."""
        self.planted: dict[str, Any] = {}

    # -- what is not ours ------------------------------------------------------------------------

    @initialize(spec=specs)
    def begin(self, spec: Spec) -> None:
        """A pipeline with data; beside it things of nobody, whose names begin as ours do."""
        self.beside = f"{self.base}-other"
        self.aws("s3").create_bucket(Bucket=self.beside)
        self.aws("s3").put_object(Bucket=self.beside, Key=OBJECT, Body=CONTENT)
        self.aws("dynamodb").create_table(
            TableName=self.beside,
            KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.aws("dynamodb").put_item(TableName=self.beside, Item={"a": {"S": "b"}})
        self.journey.put_queue(self.beside, {})
        self.others = {"beside": self.journey.shown_beside(self.beside)}
        self.apply(spec, then_rest=True)
        self.plant()

    @precondition(lambda self: self.spec is None and not self.taken)
    @rule()
    def take_the_name(self) -> None:
        """Somebody else makes a queue of the very name that ours will have."""
        self.taken = True
        self.journey.put_queue(f"{self.base}-dead-letter", _SOMEBODY)
        self.others["taken"] = self.journey.shown_queue(f"{self.base}-dead-letter")

    @precondition(lambda self: self.taken)
    @rule()
    def free_the_name(self) -> None:
        """Its owner removes that queue."""
        self.taken = False
        self.aws("sqs").delete_queue(QueueUrl=self.journey.queue_url(f"{self.base}-dead-letter"))
        del self.others["taken"]

    # -- what a user does ------------------------------------------------------------------------

    @rule(spec=specs, then_rest=st.booleans())
    def apply(self, spec: Spec, *, then_rest: bool) -> None:
        """Create it, or edit it."""
        ttl = {"sessionMetricsHours": 60, "countersHours": 60}
        self.spec = LEAN | spec | {"tables": LEAN["tables"] | {"ttl": ttl}}
        self.send(then_rest=then_rest)

    def send(self, *, then_rest: bool) -> None:
        """Apply what the spec is now."""
        self.journey.apply({**(self.spec or {}), "suspend": self.suspended})
        if then_rest:
            self.rest()

    @precondition(lambda self: self.spec is not None)
    @rule(then_rest=st.booleans())
    def toggle_suspension(self, *, then_rest: bool) -> None:
        """Suspend it, or let it go on."""
        self.suspended = not self.suspended
        self.send(then_rest=then_rest)

    @precondition(lambda self: self.spec is not None)
    @rule(death=st.integers(0, 20))
    def delete(self, death: int) -> None:
        """Delete it and see it gone, suspended or not, with the process dying on the way or not."""
        keeps = self.keeps_data
        self.journey.vanish(die_after=death)
        left = {kind for kind, names in self.left().items() if names}
        if keeps:
            assert left <= _KEPT_KINDS
            self.may_be_left = True
        else:
            # A reconcile takes back what an earlier object left; there may have been none.
            assert left <= (_KEPT_KINDS if self.may_be_left and not self.made else set())
            self.may_be_left &= not self.made
            self.planted = {}
        self.spec, self.suspended, self.made, self.drifted = None, False, False, False

    @property
    def keeps_data(self) -> bool:
        """Whether the spec says that the data outlives it."""
        return self.spec is not None and self.spec["deletionPolicy"]["tables"] == "Retain"

    def left(self) -> dict[str, set[str]]:
        """Names in AWS that begin as ours do, without those of others."""
        not_ours = {self.beside} | ({f"{self.base}-dead-letter"} if self.taken else set())
        return {kind: names - not_ours for kind, names in left_in_aws(self.journey).items()}

    @precondition(lambda self: self.made)
    @rule()
    def plant(self) -> None:
        """Put an item and an object in, which from now on must be there."""
        table, bucket = f"{self.base}-counters", self.journey.resource("archive")["physicalName"]
        key = {"metric_name": {"S": "planted"}, "time_window": {"S": "planted"}}
        self.aws("dynamodb").put_item(TableName=table, Item=key)
        self.aws("s3").put_object(Bucket=bucket, Key=OBJECT, Body=CONTENT)
        self.planted = {"table": table, "key": key, "bucket": bucket}

    # -- what else happens -----------------------------------------------------------------------

    @rule(times=st.integers(1, 3))
    def work(self, times: int) -> None:
        """A few reconciles, each when it is due; a suspended one writes nothing."""
        before = self.journey.writes()
        for _ in range(times):
            self.journey.time += run(self.journey.step()) or 1.0
        assert not self.suspended or self.journey.writes() == before

    @rule(write=st.integers(1, 30))
    def crash(self, write: int) -> None:
        """The process dies after a write of the next reconciles, or right after them."""
        with self.journey.dying_after(write):
            self.work(3)
        self.journey.restart()

    @precondition(lambda self: self.made)
    @rule(what=st.sampled_from(HANDS))
    def drift(self, what: str) -> None:
        """Another hand changes or deletes something of ours."""
        self.drifted = True
        self.journey.change(what)

    @precondition(lambda self: self.spec is not None)
    @rule()
    def rest(self) -> None:
        """Left alone, it becomes what the spec asks for, or says what keeps it from that."""
        if self.suspended:
            self.work(1)
            self.resync()
            if self.is_current():
                told = self.journey.condition("DriftDetected")["status"] == "True"
                assert told == bool(self.differences())
            return
        if self.taken:
            self.journey.travel(lambda body: verdict(body) is Verdict.FAILED)
            assert self.journey.condition("Stalled")["reason"] == "OwnershipConflict"
            return
        self.journey.travel()
        self.resync()
        self.journey.travel()
        assert self.is_current()
        self.made, self.drifted = True, False

    def resync(self) -> None:
        """Let the time of a full observation go by."""
        for _ in range(RESYNCS):
            self.journey.time += _RESYNC_SECONDS
            self.work(1)

    # -- what holds ------------------------------------------------------------------------------

    @invariant()
    def others_are_untouched(self) -> None:
        """Nothing changes but what is ours."""
        if hasattr(self, "others"):
            seen = {"beside": self.journey.shown_beside(self.beside)}
            if self.taken:
                seen["taken"] = self.journey.shown_queue(f"{self.base}-dead-letter")
            assert seen == self.others

    @invariant()
    def data_is_there(self) -> None:
        """Through deletion, re-creation and crashes, unless the spec gave it up."""
        if self.planted:
            item = self.aws("dynamodb").get_item(
                TableName=self.planted["table"], Key=self.planted["key"]
            )
            assert "Item" in item
            found = self.aws("s3").get_object(Bucket=self.planted["bucket"], Key=OBJECT)
            assert found["Body"].read() == CONTENT

    @invariant()
    def ready_is_true(self) -> None:
        """What is called Current is in AWS as the spec says, but for what just drifted."""
        if self.spec is not None and not self.drifted and self.is_current():
            assert self.differences() == []

    def is_current(self) -> bool:
        """Whether readers of the status take it for done."""
        body = self.journey.body()
        return body is not None and verdict(body) is Verdict.CURRENT

    def differences(self) -> list[tuple[str, Any, Any]]:
        """Differences between AWS and the spec."""
        assert self.spec is not None
        return self.journey.differences(self.spec, self.left())

    def teardown(self) -> None:
        """The end of a life: its statuses obeyed the rules."""
        self.journey.close()


@pytest.mark.plain_aws("what another hand changes must take at once")
def test_any_order(installed: Sandbox, request: pytest.FixtureRequest) -> None:
    """Apply, edit, suspend, delete, recreate, drift and crash in any order: the four hold."""
    lives, steps = MANY if request.config.getoption("--whole-sweeps") else FEW
    numbers = itertools.count()
    shared = {"sandbox": installed, "numbers": numbers}
    machine = type("InSandbox", (AnyOrder,), shared)
    Life.made.clear()
    with empty_aws(installed, plain=True):
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=lives,
                stateful_step_count=steps,
                derandomize=True,
                database=None,
                deadline=None,
                # A life takes seconds: a failing one is told as it was, not made shorter.
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert next(numbers) >= lives
