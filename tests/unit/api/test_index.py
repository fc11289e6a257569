"""The list of endpoints: who answers each, also while nobody does."""

from __future__ import annotations

import re

from fairlead.api.tryit import template
from fairlead.routing import SLOTS, Arm, Route, VersionRef
from fairlead.routing.types import Role
from fairlead.signature import Field, Signature

SIGNATURE = Signature(
    inputs=(Field(name="<b>age", kind="number"),),
    outputs=(Field(name="label", kind="category"),),
)


def index(*arms: Arm) -> str:
    """The text of the list, with one endpoint on it."""
    route = Route(endpoint="churn", revision=3, signature=SIGNATURE, arms=arms)
    html = template("index.html").render(routes=[route])
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


def arm(number: int, role: Role, *slots: tuple[int, int]) -> Arm:
    version = VersionRef(name=f"churn:{number}", digest="", blob="")
    return Arm(name=role, version=version, role=role, slots=slots)


def test_every_arm_is_named_with_its_share() -> None:
    stable, candidate = arm(1, "stable", (500, SLOTS)), arm(2, "candidate", (0, 500))
    text = index(stable, candidate, arm(3, "shadow"))
    assert "churn:1 95 % churn:2 5 % churn:3 shadow" in text
    assert "1 field: &lt;b&gt;age" in text


def test_an_endpoint_that_nobody_answers_says_so() -> None:
    assert "nobody answers yet" in index()


def test_without_endpoints_the_page_says_how_one_is_made() -> None:
    page = template("index.html").render(routes=[])
    assert "fairlead deploy MODEL:VERSION" in page
    assert "<li>" not in page
