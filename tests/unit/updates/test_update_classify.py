"""A data update or a model update: found from where two versions came from."""

from __future__ import annotations

import pytest

from fairlead.bundle import Learnt, RowRange, UpdateFacts
from fairlead.registry import Lineage
from fairlead.updates.classify import Changed, classify
from fairlead.updates.describe import describe

PACKAGES = {"python": "3.11.2", "scikit-learn": "1.9.1", "skops": "0.14"}


def lineage(code: str = "a", params: str = "b", **packages: str) -> Lineage:
    rows = RowRange(rows=9)
    update = UpdateFacts(
        name="churn/1", mode="scratch", causes=(), code=code, params=params, engine="local",
        train_us=1, learnt=Learnt(log="churn", as_of_us=1, train=rows, holdout=rows),
    )  # fmt: skip
    return Lineage(update=update, environment={**PACKAGES, **packages})


def test_an_update_is_told_in_words() -> None:
    told = describe(lineage("z"), lineage())
    assert told["update"] == "churn/1, a model update: the code changed"
    assert told["because"] == "it was asked for"
    assert told["learnt from"] == (
        "9 rows, 1970-01-01 00:00 to 1970-01-01 00:00 of churn, as of 1970-01-01 00:00"
    )
    assert "newer data alone" in describe(lineage(), lineage())["update"]
    assert describe(Lineage(), lineage()) == {}


UNKNOWN = Changed("model", ("no update made the version before, so its code is not known",))


@pytest.mark.parametrize(
    ("version", "parent", "found"),
    [
        (lineage(), lineage(), Changed("data")),
        (lineage(skops="0.15"), lineage(), Changed("data")),  # it only writes the bundle
        (lineage("z"), lineage(), Changed("model", ("the code changed",))),
        (lineage(params="z"), lineage(), Changed("model", ("the parameters changed",))),
        (lineage(python="3.12.1"), lineage(),
         Changed("model", ("python changed from 3.11.2 to 3.12.1",))),
        (lineage("z", xgboost="3.0"), lineage(),
         Changed("model", ("the code changed", "xgboost changed from none to 3.0"))),
        (lineage(), Lineage(update=lineage().update), Changed("data")),  # no word of packages
        (lineage(), Lineage(environment=PACKAGES), UNKNOWN),
        (lineage(), None, UNKNOWN),
        (Lineage(), lineage(), None),
    ],
)  # fmt: skip
def test_what_changed(version: Lineage, parent: Lineage | None, found: Changed | None) -> None:
    assert classify(version, parent) == found
