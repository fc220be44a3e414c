"""The archive's protocol, step by step: who may still write what, and what stands in the end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from clickstream_layout.archive import BAD, RAW
from processor.archive import JudgedOtherwiseError
from processor.lane_items import Intent, Judgement, LaneState, Progress
from shared.conditional_write import MOST_ATTEMPTS, ContentionError
from shared.lanes import NOTHING, Lane
from shared.records import Batch
from tests.lambdas.archive_store import BOTH, LANE, MS, Store, batch


def test_a_batch_is_stored_once_under_its_first_hour() -> None:
    """One object of each kind, under the generation that was taken; a message for the bad one."""
    store = Store()
    state = store.store(batch(1, 3))
    assert store.sequences(RAW) == store.sequences(BAD) == [1, 2, 3]
    names = {key.partition("/")[2] for key in store.pipeline.s3.objects}
    assert names == {"dt=2026-11-23/hr=11/e1-shardId-000000000000-1-3-1.3.3.jsonl.gz"}
    assert store.told() == sorted(store.bad_keys())
    assert (state.generation, state.intent) == (store.load().generation, store.load().intent)
    assert state.intent is not None
    assert (state.intent.kinds, state.intent.first, state.intent.last) == (BOTH, 1, 3)


@pytest.mark.parametrize(
    ("raw", "bad", "expected_raw", "expected_bad"),
    [
        (NOTHING, NOTHING, [1, 2, 3], [1, 2, 3]),
        (1, NOTHING, [2, 3], [1, 2, 3]),
        (3, 2, [], [3]),
        (2, 3, [3], []),
        (3, 3, [], []),
        (9, 9, [], []),
    ],
)
def test_only_what_is_above_a_watermark_is_written(
    raw: int, bad: int, expected_raw: list[int], expected_bad: list[int]
) -> None:
    """Each kind has its own, up to and including which all rows stand already."""
    store = Store()
    store.archive.store(LANE, batch(1, 3), LaneState(raw=raw, bad=bad))
    assert store.sequences(RAW) == expected_raw
    assert store.sequences(BAD) == expected_bad


@pytest.mark.parametrize(("done", "stored"), [(2, True), (3, False), (4, False)])
def test_a_closed_batch_asks_for_nothing(done: int, *, stored: bool) -> None:
    """Not even for an intent that was left: whoever is behind the lane decides it."""
    store = Store()
    left = Intent(1, 1, 3, "dt=2026-11-23/hr=11", BOTH, ".jsonl.gz")
    state = LaneState(done=done, intent=left)
    if stored:
        store.store(batch(1, 3))
        assert store.sequences(RAW) == [1, 2, 3]
        return
    assert store.requests(lambda: store.archive.store(LANE, batch(1, 3), state, long=True)) == 0


def test_an_archive_that_is_off_keeps_bad_rows_only() -> None:
    """A batch without any takes no generation."""
    store = Store(enabled=False)
    store.store(batch(1, 3))
    assert (store.sequences(RAW), store.sequences(BAD)) == ([], [1, 2, 3])
    before = store.load()
    nothing = batch(4, 5, kinds=(RAW,))
    assert store.requests(lambda: store.archive.store(LANE, nothing, LaneState())) == 0
    assert store.load() == before


#: What the owner of an intent had written when it died, by the writes that it got done.
LEFT = [
    (1, [], [], 0),
    (2, [], [1, 2, 3], 0),
    (3, [], [1, 2, 3], 1),
    (4, [1, 2, 3], [1, 2, 3], 1),
]


@pytest.mark.parametrize(("writes", "raw", "bad", "messages"), LEFT)
def test_what_a_dead_owner_left_is_decided_by_what_stands(
    writes: int, raw: list[int], bad: list[int], messages: int
) -> None:
    """Data counts as written, and its message is sent again; a key without any is made void."""
    store = Store()
    store.die_after(writes, batch(1, 3))
    assert len(store.told()) == messages
    state = store.archive.decide(LANE, store.load())
    assert (state.raw, state.bad) == (3 if raw else NOTHING, 3 if bad else NOTHING)
    assert state.decided
    assert store.voids() == sorted(([] if raw else [RAW]) + ([] if bad else [BAD]))
    assert len(store.told()) == messages + bool(bad)
    assert set(store.told()) == store.bad_keys()
    assert store.requests(lambda: store.archive.decide(LANE, state)) == 0
    again = store.container().decide(LANE, store.load())
    assert (again.raw, again.bad) == (state.raw, state.bad)


@pytest.mark.parametrize(("writes", "raw", "bad", "messages"), LEFT)
@pytest.mark.parametrize("last", [3, 5])
def test_the_next_one_completes_what_a_dead_owner_left(
    writes: int, raw: list[int], bad: list[int], messages: int, last: int
) -> None:
    """The same batch or a longer one: each row stands once, and each bad object was told."""
    del raw, bad, messages
    store = Store()
    store.die_after(writes, batch(1, 3))
    store.store(batch(1, last))
    wanted = list(range(1, last + 1))
    assert (store.sequences(RAW), store.sequences(BAD)) == (wanted, wanted)
    assert set(store.told()) == store.bad_keys()


@pytest.mark.parametrize("moment", range(4))
def test_an_owner_that_was_decided_over_writes_under_another_generation(moment: int) -> None:
    """Alive, but late: the keys of its intent are void or its own, and nothing is there twice."""
    store = Store()
    other = store.container()

    def decide_and_store() -> None:
        other.store(LANE, batch(1, 3), store.load())

    store.pipeline.faults.interrupts[store.pipeline.faults.writes + moment] = decide_and_store
    state = store.store(batch(1, 3))
    assert store.sequences(RAW) == store.sequences(BAD) == [1, 2, 3]
    assert set(store.told()) == store.bad_keys()
    assert state.generation == store.load().generation


def test_an_answer_that_was_lost_is_no_other_owner() -> None:
    """The retry of our own put finds our own data, and goes on; a void there is another's."""
    store = Store()
    real = store.pipeline.s3.put_object

    def put_twice(**request: Any) -> dict[str, Any]:
        real(**request)
        return real(**request)

    store.pipeline.s3.put_object = put_twice  # type: ignore[method-assign]
    state = store.store(batch(1, 3))
    assert state.generation == 1
    assert store.sequences(RAW) == store.sequences(BAD) == [1, 2, 3]
    assert set(store.told()) == store.bad_keys()
    assert store.voids() == []


def test_a_put_that_was_not_refused_needs_no_second_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the object of an owner nor the void of one who decides is asked about."""
    store = Store()
    asked: list[str] = []
    monkeypatch.setattr(store.pipeline.s3, "head_object", lambda **it: asked.append(it["Key"]))
    store.store(batch(1, 3))
    store.lanes.finish(LANE, store.load(), batch(1, 3))
    store.die_after(1, batch(4, 5))
    store.archive.decide(LANE, store.load())
    assert store.voids() == [BAD, RAW]
    assert asked == []


@pytest.mark.parametrize("code", ["SlowDown", "AccessDenied", "InternalError"])
def test_a_failure_of_s3_is_no_answer(code: str) -> None:
    """It is raised; only a refused condition tells that something stands there."""
    store = Store()
    store.die_after(1, batch(1, 3))
    store.refuse_puts(code)
    with pytest.raises(Exception, match=code):
        store.archive.decide(LANE, store.load())
    assert store.load().intent is not None


@pytest.mark.parametrize("code", ["PreconditionFailed", "412"])
def test_both_codes_of_a_refused_condition_are_known(code: str) -> None:
    """S3 answers by name; a HEAD-like answer without a body has its status only."""
    store = Store()
    store.die_after(4, batch(1, 3))
    store.refuse_puts(code)
    state = store.archive.decide(LANE, store.load())
    assert (state.raw, state.bad) == (3, 3)


def test_an_intent_that_was_decided_is_not_asked_about_again() -> None:
    """Also when the next batch has nothing to write: its generation replaces the intent."""
    store = Store()
    store.die_after(1, batch(1, 3))
    state = store.store(batch(1, 5, kinds=()))
    assert state.intent is not None
    assert state.intent.kinds == ()
    assert store.load().generation == state.generation
    assert store.requests(lambda: store.container().decide(LANE, store.load())) == 0


@pytest.mark.parametrize(
    ("options", "tries"),
    [({"long": True}, 0), ({"judged": Judgement(3, 500)}, 0), ({}, 1), ({}, 0)],
    ids=["long", "judged", "attempt", "nothing"],
)
def test_what_must_be_on_record_takes_a_generation(options: dict[str, Any], tries: int) -> None:
    """Progress, a verdict, the end of an attempt: also where there is nothing to archive."""
    store = Store()
    state = store.load()
    for _ in range(tries):
        state = store.lanes.begin_attempt(LANE, state, MS)
    after = store.archive.store(LANE, batch(1, 3, kinds=()), state, **options)
    stored = store.load()
    assert stored.generation == after.generation == (1 if options or tries else None)
    assert (stored.tries, after.tries) == (0, 0)
    assert stored.judged == after.judged == options.get("judged")
    assert store.pipeline.s3.objects == {}


@pytest.mark.parametrize(
    ("known", "wanted", "agrees"),
    [
        (None, Judgement(3, 500), True),
        (Judgement(3, 500), Judgement(3, 500), True),
        (Judgement(3, 500), Judgement(3, 900), False),
        (Judgement(1, 500), Judgement(3, 900), False),
        (Judgement(0, 500), Judgement(3, 900), True),
        (Judgement(3, 500), None, True),
    ],
)
def test_a_verdict_holds_for_the_records_that_it_was_given_for(
    known: Judgement | None, wanted: Judgement | None, *, agrees: bool
) -> None:
    """By whichever budget they are judged again; a budget before the batch does not count."""
    store = Store()
    state = LaneState(judged=known)
    if not agrees:
        with pytest.raises(JudgedOtherwiseError) as raised:
            store.archive.store(LANE, batch(1, 3), state, judged=wanted)
        assert raised.value.state == state
        assert store.pipeline.s3.objects == {}
        return
    store.archive.store(LANE, batch(1, 3), state, judged=wanted)
    assert store.sequences(RAW) == [1, 2, 3]


def test_a_verdict_that_reaches_farther_stays() -> None:
    """One for the first records of those that were judged together does not shorten it."""
    store = Store()
    store.store(batch(1, 1), judged=Judgement(5, 500))
    state = store.store(batch(1, 1), judged=Judgement(1, 500))
    assert store.load().judged == state.judged == Judgement(5, 500)


def test_a_lane_that_others_keep_taking_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many attempts the batch fails, and Lambda delivers it again."""
    store = Store()
    begun: list[Intent] = []

    def begin(lane: Lane, state: LaneState, intent: Intent, *_: Any) -> tuple[bool, LaneState]:
        begun.append(intent)
        return False, replace(state, generation=intent.generation)

    monkeypatch.setattr(store.lanes, "begin", begin)
    with pytest.raises(ContentionError):
        store.store(batch(1, 3))
    assert [one.generation for one in begun] == list(range(1, MOST_ATTEMPTS + 1))
    assert store.pipeline.s3.objects == {}


@pytest.mark.parametrize(("writes", "raw", "bad", "messages"), LEFT)
@pytest.mark.parametrize("alive", [False, True])
def test_a_batch_that_was_given_up_is_closed_and_its_owner_shut_out(
    writes: int, raw: list[int], bad: list[int], messages: int, *, alive: bool
) -> None:
    """What it wrote stands; what it has not written it never will, alive and late as it may be."""
    store = Store()
    if alive:
        other = store.container()
        after = store.pipeline.faults.writes + writes
        store.pipeline.faults.interrupts[after] = lambda: other.settle(LANE, batch(1, 3))
        state = store.store(batch(1, 3))
        assert (state.done >= 3) is (len(store.pipeline.faults.interrupts) == 0)
    else:
        store.die_after(writes, batch(1, 3))
        assert len(store.told()) == messages
    store.container().settle(LANE, batch(1, 3))
    assert store.load().done == 3
    assert (store.sequences(RAW), store.sequences(BAD)) == (raw, bad)
    assert set(store.told()) == store.bad_keys()
    assert store.requests(lambda: store.archive.settle(LANE, batch(1, 3))) == 0


def test_a_batch_that_others_keep_ahead_of_is_not_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing it fails as storing does, and is tried again."""
    store = Store()
    tried: list[int] = []

    def finish(_lane: Lane, state: LaneState, wanted: Batch) -> tuple[bool, LaneState]:
        tried.append(wanted.last)
        return False, state

    monkeypatch.setattr(store.lanes, "finish", finish)
    with pytest.raises(ContentionError):
        store.archive.settle(LANE, batch(1, 3))
    assert len(tried) == MOST_ATTEMPTS


@pytest.mark.parametrize("kind", BOTH)
def test_rows_of_their_own_object_are_written_once_and_told_each_time(kind: str) -> None:
    """The call that wrote them may have died before the message; raw rows have none."""
    store = Store()
    key = store.archive.add(kind, LANE, batch(1, 3), "refused0")
    name = "e1-shardId-000000000000-1-3-refused0.jsonl.gz"
    assert key == f"{kind}/dt=2026-11-23/hr=11/{name}"
    assert store.sequences(kind) == [1, 2, 3]
    assert store.archive.add(kind, LANE, batch(1, 3), "refused0") is None
    assert store.sequences(kind) == [1, 2, 3]
    assert store.told() == ([key, key] if kind == BAD else [])
    others = tuple({*BOTH} - {kind})
    assert store.archive.add(kind, LANE, batch(1, 3, kinds=others), "other") is None
    assert len(store.pipeline.s3.objects) == 1


def test_a_message_can_be_sent_again_from_the_object() -> None:
    """Its metadata says what the message does: rows, reasons, first and last record."""
    store = Store()
    store.store(batch(1, 3))
    (key,) = store.bad_keys()
    store.archive.announce(LANE, key)
    first, second = map(json.loads, store.pipeline.sqs.messages)
    assert first == second
    assert (first["first"], first["last"], first["rows"]) == ("1", "3", 3)
    assert first["reasons"] == {"not_json": 3}


def test_progress_is_kept_by_the_generation_that_made_it() -> None:
    """Another that took the lane meanwhile has its own; what is closed has none."""
    store = Store()
    state = store.store(batch(1, 3), long=True)
    progress = Progress(1, 3, 2, "digest")
    state = store.lanes.save_progress(LANE, state, progress)
    assert store.load().progress == state.progress == progress
    store.container().store(LANE, batch(1, 3), store.load(), long=True)
    late = store.lanes.save_progress(LANE, state, replace(progress, writes=9))
    assert store.load().progress == late.progress == progress
    finished, closed = store.lanes.finish(LANE, store.load(), batch(1, 3))
    assert finished
    assert store.load() == closed
    assert (closed.progress, closed.intent, closed.done) == (None, None, 3)
