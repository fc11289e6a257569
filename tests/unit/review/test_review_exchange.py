"""Tasks go out as lines and come back as decisions: all that a file tells, or none of it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.clock import ManualClock
from fairlead.errors import FairleadError, InputError, NotFoundError
from fairlead.review.book import ReviewBook
from fairlead.review.bring import Brought, bring, write_lines
from fairlead.review.exchange import Form
from fairlead.review.question import Question, question_of, read_value
from fairlead.signature import Field, Signature
from fairlead.store.memory import MemoryStore
from support.log import START_US
from support.review import enter, name, put_route, route

LABELS = Question("label", "choice", ("left", "stayed"))


@pytest.fixture
def book() -> ReviewBook:
    store = MemoryStore()
    put_route(store, route(mode="shadow"))
    enter(store, 1, 2, 3)
    return ReviewBook(store, ManualClock(START_US))


def lines(*told: object) -> bytes:
    return b"\n".join(msgspec.json.encode(line) for line in told)


def plain(number: int, decision: object = "left") -> dict[str, object]:
    return {"id": name(number), "decision": decision}


def studio(number: int, *said: str, **more: Any) -> dict[str, Any]:
    """A task as Label Studio exports it, with an annotation for each word."""
    annotations = [
        {"id": 7, "completed_by": 1, "was_cancelled": False, "lead_time": 4.2, "result": [
            {"from_name": "label", "to_name": "task", "type": "choices", "origin": "manual",
             "value": {"choices": [word]}}]}
        for word in said
    ]  # fmt: skip
    return {"id": 4, "data": {"text": "x", "prediction_id": name(number)},
            "annotations": annotations, **more}  # fmt: skip


def test_an_export_that_is_filled_in_comes_back(book: ReviewBook) -> None:
    exported = [json.loads(line) for line in write_lines(book, "churn", "plain", decided=False)]
    assert [line["id"] for line in exported] == [name(n) for n in (1, 2, 3)]
    assert exported[0]["inputs"] == {"x": 1.0}
    assert exported[0]["choices"] == ["left", "stayed"]
    assert "guess" not in exported[0]  # nobody is led by it
    exported[0]["decision"], exported[2]["decision"] = "left", "stayed"
    assert bring(book, "churn", lines(*exported), "f", "ada") == Brought(2, 1)
    assert bring(book, "churn", lines(*exported), "f", "ada") == Brought(0, 3)
    decided = [json.loads(line) for line in write_lines(book, "churn", "plain", decided=True)]
    assert [(line["decision"], line["decided_by"]) for line in decided] == [
        ("left", "ada"), ("stayed", "ada")
    ]  # fmt: skip


def test_a_task_of_label_studio_comes_back_annotated(book: ReviewBook) -> None:
    first = json.loads(next(write_lines(book, "churn", "label-studio", decided=False)))
    assert first["data"] == {"text": "x: 1.0", "x": 1.0, "prediction_id": name(1)}
    assert "predictions" not in first
    told = [studio(1, "stayed"), studio(2), {**studio(3, "left"), "predictions": [{"result": []}]}]
    whole = json.dumps(told).encode()  # a list is what its own export writes
    assert bring(book, "churn", whole, "f", "ada") == Brought(2, 1)
    found = {task.id: task.decision for task in book.queues.decided("churn")}
    assert found == {name(1): "stayed", name(3): "left"}


@pytest.mark.parametrize(
    ("mode", "form", "key", "expected"),
    [
        ("assist", "plain", "guess", {"label": "left"}),
        ("assist", "label-studio", "predictions", [{
            "model_version": "churn:1",
            "result": [{"from_name": "label", "to_name": "task", "type": "choices",
                        "value": {"choices": ["left"]}}],
        }]),
        ("shadow", "plain", "guess", None),
        ("partial", "label-studio", "predictions", None),
    ],
)  # fmt: skip
def test_the_guess_goes_out_where_people_are_assisted_alone(
    mode: str, form: Form, key: str, expected: object
) -> None:
    store = MemoryStore()
    put_route(store, route(mode=mode, auto_if="confidence > 0.9" if mode == "partial" else ""))
    enter(store, 1, mode=mode)
    book = ReviewBook(store, ManualClock(START_US))
    (line,) = write_lines(book, "churn", form, decided=False)
    assert json.loads(line).get(key) == expected


@pytest.mark.parametrize(("form", "key"), [("plain", "guess"), ("label-studio", "predictions")])
def test_what_can_be_taken_back_goes_out_without_the_guess(form: Form, key: str) -> None:
    store = MemoryStore()
    put_route(store, route(mode="shadow"))
    enter(store, 1)
    enter(store, 7, decision="left", decided_us=1, delivered_us=2)
    book = ReviewBook(store, ManualClock(START_US))
    book.decide(name(1), "left", "ada")
    found = [json.loads(line) for line in write_lines(book, "churn", form, decided=True)]
    assert [key in line for line in found] == [False, True]


CANCELLED = {"was_cancelled": True, "result": []}
HOSTILE: list[tuple[bytes, int, str]] = [
    (b"{", 1, "JSON"),
    (b"[1, 2", 0, "JSON"),
    (b"\xff\xfe", 1, "UTF-8"),
    (b"[" * 5000, 0, "nested"),
    (b"7", 1, "no JSON object"),
    (b'{"id": 7, "decision": "left"}', 1, "no 'id'"),
    (b'{"decision": "left"}', 1, "no 'id'"),
    (b'{"data": 3, "annotations": []}', 1, "prediction_id"),
    (b'{"data": {"prediction_id": ["x"]}}', 1, "prediction_id"),
    (lines({"data": {"prediction_id": name(1)}, "annotations": "x"}), 1, "no list"),
    (lines({"data": {"prediction_id": name(1)}, "annotations": [3]}), 1, "says nothing"),
    (lines(studio(1, "left", "stayed")), 1, "do not agree"),
    (lines({"id": "../../etc/passwd", "decision": "left"}), 1, "no task"),
    (lines({"id": name(9), "decision": "left"}), 1, "no task"),
    (lines(plain(1), plain(2, "lefft")), 2, "none of the labels"),
    (lines(plain(1), plain(2, {"a": 1})), 2, "none of the labels"),
    (lines(plain(1), plain(2, True)), 2, "none of the labels"),
    (lines(plain(1)) + b"\n\n\n" + lines(plain(1, "stayed")), 4, "earlier line"),
]


@pytest.mark.parametrize(("content", "row", "why"), HOSTILE)
def test_what_cannot_be_taken_is_named_and_nothing_is_done(
    book: ReviewBook, content: bytes, row: int, why: str
) -> None:
    with pytest.raises(InputError) as refused:
        bring(book, "churn", content, "bad.jsonl", "ada")
    told = refused.value
    if row:
        assert str(told).startswith("bad.jsonl: One line cannot be taken")
        assert [problem.row for problem in told.problems] == [row]
        assert why in told.problems[0].message
    else:
        assert why in str(told)
    assert book.queues.decided("churn") == []


def test_every_bad_line_is_named(book: ReviewBook) -> None:
    content = lines(plain(1), plain(2, "?"), plain(7), plain(3))
    with pytest.raises(InputError, match="2 lines cannot be taken") as refused:
        bring(book, "churn", content, "f", "ada")
    assert [problem.row for problem in refused.value.problems] == [2, 3]


def test_another_decision_than_the_one_that_stands_is_refused(book: ReviewBook) -> None:
    book.decide(name(1), "left", "bob")
    with pytest.raises(InputError) as refused:
        bring(book, "churn", lines(plain(1, "stayed"), plain(2)), "f", "ada")
    assert "decided otherwise" in refused.value.problems[0].message
    assert len(book.queues.decided("churn")) == 1


def test_what_is_before_somebody_is_not_decided_by_a_file(book: ReviewBook) -> None:
    book.take("churn", "bob")
    with pytest.raises(FairleadError, match="Somebody else has"):
        bring(book, "churn", lines(plain(1), plain(2)), "f", "ada")
    assert book.queues.decided("churn") == []


def test_a_task_that_was_passed_over_elsewhere_stays(book: ReviewBook) -> None:
    told = {**studio(1), "annotations": [CANCELLED]}
    assert bring(book, "churn", lines(told), "f", "ada") == Brought(0, 1)


def test_a_queue_that_is_not_there_is_named_nearly(book: ReviewBook) -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'churn'"):
        bring(book, "chrun", b"", "f", "ada")


@given(st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["data", "id"]),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["data", "id", "annotations", "result", "value", "choices", "decision",
                         "prediction_id"]), inner),
    max_leaves=12,
))  # fmt: skip
def test_no_line_breaks_it(line: object) -> None:
    store = MemoryStore()
    put_route(store, route(mode="shadow"))
    book = ReviewBook(store, ManualClock(START_US))
    try:
        assert bring(book, "churn", msgspec.json.encode(line), "f", "ada").decided == 0
    except FairleadError:
        return


@pytest.mark.parametrize(
    ("question", "given_", "kept"),
    [
        (LABELS, "left", "left"),
        (Question("label", "choice", (0, 1)), "1", 1),
        (Question("label", "choice", (0, 1)), 1.0, 1),
        (Question("label", "choice", (0, 1)), True, None),
        (Question("label", "choice", (False, True)), "True", True),
        (Question("label", "choice", (False, True)), 1, None),
        (Question("prediction", "number"), 12.5, 12.5),
        (Question("prediction", "number"), "12.5", None),
        (Question("prediction", "number"), True, None),
        (Question("prediction", "number"), 2**53, 2**53),
        (Question("prediction", "number"), 2**70, None),
        (Question("prediction", "number"), -(10**400), None),
        (Question("prediction", "number"), 1e300, 1e300),
        (Question("prediction", "number"), float("inf"), None),
        (Question("prediction", "number"), float("nan"), None),
        (Question("", "text"), "words", "words"),
        (Question("", "text"), "  ", None),
        (Question("", "text"), None, None),
    ],
)
def test_which_answers_are_answers(question: Question, given_: object, kept: object) -> None:
    if kept is None:
        with pytest.raises(FairleadError):
            read_value(question, given_)
    else:
        found = read_value(question, given_)
        assert (type(found), found) == (type(kept), kept)


@pytest.mark.parametrize("digits", [b"1180591620717411303424", b"-1" + b"0" * 400])
def test_a_number_that_the_log_cannot_keep_is_refused(digits: bytes) -> None:
    store = MemoryStore()
    signature = Signature(inputs=(), outputs=(Field(name="prediction", kind="number"),))
    put_route(store, route(mode="shadow", signature=signature))
    enter(store, 1)
    book = ReviewBook(store, ManualClock(START_US))
    content = b'{"id": "%s", "decision": %s}' % (name(1).encode(), digits)
    with pytest.raises(InputError) as refused:
        bring(book, "churn", content, "f", "ada")
    assert "too large to be kept exactly" in refused.value.problems[0].message
    assert book.queues.decided("churn") == []


@pytest.mark.parametrize(
    ("outputs", "task", "expected"),
    [
        ((Field(name="label", kind="boolean"),), "classification",
         Question("label", "choice", (False, True))),
        ((Field(name="prediction", kind="number"),), "regression",
         Question("prediction", "number")),
        ((Field(name="words", kind="text"),), "other", Question("words", "text")),
        ((Field(name="a", kind="number"), Field(name="b", kind="number")), "other",
         Question("", "text")),
    ],
)  # fmt: skip
def test_what_is_asked_of_a_model(outputs: Any, task: Any, expected: Question) -> None:
    assert question_of(Signature(inputs=(), outputs=outputs, task=task)) == expected
