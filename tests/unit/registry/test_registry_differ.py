"""What two versions do not share, and what is doubtful about one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fairlead.bundle import Proof
from fairlead.registry import Lineage, Version
from fairlead.registry.differ import differ
from fairlead.registry.warn import warnings
from fairlead.signature import Field, Signature

AGE = Field(name="age", kind="number", low=0, high=90)
PLAN = Field(name="plan", kind="category", categories=("free", "pro"))


def of(*fields: Field) -> Signature:
    return Signature(inputs=fields, outputs=())


def changed(field: Field, **changes: Any) -> Field:
    return msgspec.structs.replace(field, **changes)


@pytest.mark.parametrize(
    ("right", "words"),
    [
        (changed(PLAN, categories=("free", "gold")),
         ("then without the categories 'pro'", "then with the categories 'gold'")),
        (changed(PLAN, missing="impute", impute="free"),
         ("a missing value: error, then impute", "value put in: none, then free")),
        (changed(PLAN, nullable=True), ("missing values seen: no, then yes",)),
        (changed(PLAN, kind="text", categories=None), ("kind: category, then text",)),
        (changed(PLAN, categories=tuple(map(str, range(9)))),
         ("then without the categories 'free', 'pro'",
          "then with the categories '0', '1', '2', '3', '4' and 4 more")),
    ],
)  # fmt: skip
def test_a_field_that_differs_is_said_in_words(right: Field, words: tuple[str, ...]) -> None:
    (found,) = differ(of(AGE, PLAN), of(AGE, right))
    assert (found.side, found.name, found.words) == ("input", "plan", words)


def test_a_field_of_one_side_is_named() -> None:
    left, right = differ(of(AGE), of(PLAN))
    assert (left.words, right.words) == (("only on the left",), ("only on the right",))
    tensor = Field(name="out", kind="tensor", shape=(2, -1))
    wider = changed(tensor, shape=(3,))
    (found,) = differ(
        Signature(inputs=(), outputs=(tensor,)), Signature(inputs=(), outputs=(wider,))
    )
    assert (found.side, found.words) == ("output", ("shape: 2 x -1, then 3",))


VERSION = Version(
    model="churn", number=1, digest="", blob="", signature=of(AGE), task="other", framework="",
    runner="onnx", pickle=False, trainable=None, size_bytes=1, created_us=0,
    metrics={"accuracy": 0.9}, proof=Proof(rows=9, differing=0),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"pickle": True}, "pickle"), ({"proof": None}, "was not measured"),
     ({"metrics": {}}, "labels"),
     ({"proof": Proof(rows=9, differing=2)}, "2 of the 9 rows"),
     ({"lineage": Lineage(revision="abc", changed=True)}, "not committed")],
)  # fmt: skip
def test_what_is_doubtful_is_said(changes: dict[str, Any], word: str) -> None:
    (said,) = warnings(msgspec.structs.replace(VERSION, **changes))
    assert word in said


def test_nothing_is_said_against_a_sound_version() -> None:
    assert warnings(VERSION) == ()
