"""What `fairlead release show` prints of a shadow, beside a version and beside a person."""

from __future__ import annotations

import pytest

from fairlead.cli.comparison import show_comparison
from fairlead.releases.shadow.comparison import Agreement, Comparison

LABELS = Comparison(
    whole=Agreement(300, 30),
    slices={"plan": {"free": Agreement(100, 30), "pro": Agreement(200, 0)}},
    labels={"a": {"a": 90, "b": 30}, "b": {"b": 100}, "c": {"c": 80}},
    failed=4,
    latency={"given": {0: 300}, "shadow": {0: 200, 60: 100}},
)


def test_labels_are_told_by_slice_with_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    show_comparison(LABELS)
    printed = capsys.readouterr().out
    lines = [line.split() for line in printed.splitlines()]
    assert lines[0] == ["slice", "value", "rows", "disagreement", "95", "of", "100"]
    assert lines[1][:3] == ["all", "300", "10.00%"]
    assert ["plan", "pro", "200", "0.00%", "0.00%", "to", "3.63%"] in lines
    assert [line[:4] for line in lines if line[:1] == ["answered"]] == [
        ["answered", "b", "130", "23.08%"], ["answered", "a", "90", "0.00%"],
        ["answered", "c", "80", "0.00%"],
    ]  # fmt: skip
    assert "Cohen's kappa is 0.84" in printed
    assert "Against all others: of a 0.7" in printed
    assert "The shadow had no answer to 4 rows." in printed
    assert "took the shadow at most 16.7 ms." in printed


def test_numbers_are_told_by_their_differences(capsys: pytest.CaptureFixture[str]) -> None:
    show_comparison(
        Comparison(
            numeric=True, whole=Agreement(100, 90, 50.0, 30.0), differences={0: 10, 1_000: 90},
            ordered=45, reversed=5, slices={"plan": {"new": Agreement(3, 0, 1.0, 1.0)}},
        )
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert "difference" in printed.splitlines()[0]
    assert ["plan", "new", "3", "0.3333", "0", "to", "inf"] in [
        line.split() for line in printed.splitlines()
    ]
    assert "Rank agreement (gamma) is 0.800" in printed
    assert "95 of 100 rows differ by at most 0.4062." in printed
    assert "kappa" not in printed
    assert "took" not in printed


def test_nothing_compared_yet_is_told_as_that(capsys: pytest.CaptureFixture[str]) -> None:
    show_comparison(Comparison())
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert printed == [
        ["slice", "value", "rows", "disagreement", "95", "of", "100"], ["all", "0", "-", "-"],
    ]  # fmt: skip
