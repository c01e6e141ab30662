"""Events are the same after they were written and read back."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlflow.core.codes import Code
from sqlflow.core.diagnostic import Diagnostic, Label
from sqlflow.core.ids import NodeId
from sqlflow.core.span import Span
from sqlflow.state.codec import UnreadableEventError, decode, encode
from sqlflow.state.event import KeptEvent, NodeFinished, Published, RunFinished, RunStarted, Status
from sqlflow.state.publication import Publication
from tests.state.events import KEPT, PUBLICATIONS

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
STARTED = RunStarted(run="r1", at=AT, command="build", target="dev", actions=3, threads=4)


def ended(*diagnostics: Diagnostic) -> NodeFinished:
    return NodeFinished(
        run="r1",
        node=NodeId("model.shop.orders"),
        name="orders",
        kind="model",
        materialized="table",
        status=Status.ERROR,
        at=AT,
        seconds=0.5,
        statements=2,
        rows=None,
        reason="",
        kept=None,
        diagnostics=diagnostics,
    )


@given(KEPT)
def test_an_event_is_read_back_as_it_was(event: KeptEvent) -> None:
    assert decode(encode(event)) == event


@given(KEPT)
def test_any_store_can_hold_the_text(event: KeptEvent) -> None:
    text = encode(event)
    assert text.isascii()
    assert text.isprintable()


@given(KEPT, st.dictionaries(st.text(), st.integers() | st.lists(st.none()), max_size=3))
def test_keys_of_a_newer_version_are_left_out_of_account(event: KeptEvent, more: dict[str, object]) -> None:
    record = json.loads(encode(event))
    assert decode(json.dumps({**more, **record})) == event


def test_an_event_of_a_newer_version_is_none() -> None:
    assert decode('{"event": "teleported", "run": "r1"}') is None


def test_a_diagnostic_is_kept_briefly() -> None:
    span = Span("models/orders.sql", 7, 12)
    whole = Diagnostic(
        code=Code.STATEMENT_FAILED,
        message="it failed",
        span=span,
        label="here",
        labels=(Label(span, "there"),),
        notes=("a note",),
        help="mend it",
    )
    event = decode(encode(ended(whole)))
    assert isinstance(event, NodeFinished)
    assert event.diagnostics == (Diagnostic(code=whole.code, message="it failed", span=span),)


def test_a_diagnostic_of_a_newer_version_is_left_out() -> None:
    record = json.loads(encode(ended(Diagnostic(code=Code.CYCLE, message="m"))))
    record["diagnostics"][0]["code"] = "SF9999"
    event = decode(json.dumps(record))
    assert isinstance(event, NodeFinished)
    assert event.diagnostics == ()


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '"x"', "{}", '{"event": 1}', "[" * 100_000])
def test_what_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(UnreadableEventError):
        decode(text)


# What earlier versions did not write.
LATER = {
    *("changed", "checksum", "stage", "table", "like", "unread", "tested", "origin", "origins", "follows"),
    *("unshown", "counts_as", "mixed"),
}


@given(PUBLICATIONS)
def test_what_an_earlier_version_wrote_is_read(publication: Publication) -> None:
    record = json.loads(encode(Published(publication=publication)))
    event = decode(json.dumps({key: value for key, value in record.items() if key not in LATER}))
    assert isinstance(event, Published)
    mappings = {"like", "unread", "tested", "origins"}
    unsaid = {f.name: {} if f.name in mappings else f.default for f in fields(Publication) if f.name in LATER}
    assert event.publication == replace(publication, **unsaid)


@given(KEPT, st.data())
def test_an_event_that_lacks_something_is_refused(event: KeptEvent, data: st.DataObject) -> None:
    record = json.loads(encode(event))
    later = LATER | ({"environment", "batches"} if isinstance(event, NodeFinished) else set())
    del record[data.draw(st.sampled_from(sorted(record.keys() - later)))]
    with pytest.raises(UnreadableEventError):
        decode(json.dumps(record))


WRONG = st.sampled_from([None, True, -0.5, [1], {"a": 1}, "no such thing", [[1, 2]], [{"code": []}]])


@given(KEPT, WRONG, st.data())
def test_a_wrong_value_is_refused_and_never_a_crash(
    event: KeptEvent, wrong: object, data: st.DataObject
) -> None:
    record = json.loads(encode(event))
    key = data.draw(st.sampled_from(sorted(record)))
    try:
        found = decode(json.dumps({**record, key: wrong}))
    except UnreadableEventError:
        return
    # What was taken is an event, and is written as such.
    assert found is None or decode(encode(found)) == found


@pytest.mark.parametrize(
    ("key", "wrong"), [("actions", "3"), ("actions", True), ("run", 1), ("at", "yesterday"), ("at", 5)]
)
def test_a_value_of_another_type_is_refused(key: str, wrong: object) -> None:
    record = {**json.loads(encode(STARTED)), key: wrong}
    with pytest.raises(UnreadableEventError):
        decode(json.dumps(record))


def test_what_is_written_stays_what_it_is() -> None:
    finished = RunFinished(
        run="r1",
        at=AT,
        seconds=1.5,
        counts=((Status.SUCCESS, 2),),
        not_done=(),
        interrupted=False,
        diagnostics=(),
    )
    assert encode(STARTED) == (
        '{"event":"run_started","run":"r1","at":"2026-01-02T03:04:05.678901+00:00",'
        '"command":"build","target":"dev","actions":3,"threads":4}'
    )
    assert encode(finished) == (
        '{"event":"run_finished","run":"r1","at":"2026-01-02T03:04:05.678901+00:00","seconds":1.5,'
        '"counts":{"success":2},"not_done":[],"interrupted":false,"diagnostics":[]}'
    )
