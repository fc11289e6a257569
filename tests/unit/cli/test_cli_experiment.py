"""`fairlead experiment`: what it tells at any time, and what may be read into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from fairlead.app.releasing import plan_for
from fairlead.app.workspace import Workspace
from fairlead.cli.main import cli
from fairlead.errors import ConfigError, FairleadError, NotFoundError
from fairlead.releases import RELEASES, PlanSettings, Release, plan_of
from fairlead.releases.outcomes.metrics import Arrived, Beside, Outcomes, Seen
from fairlead.releases.outcomes.reckoning import OUTCOMES, Reckoned
from fairlead.routing import ROUTES
from fairlead.stats import Split, count_split, moments
from fairlead.store import Put
from support.routes import SIGNATURE, route, version

TOLD: dict[str, Any] = {
    "strategy": "ab", "goal": "mean:paid", "guard": {"mean:paid": "ratio >= 0.9"},
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def begin(home: Path, *, lift: float = 0.0, new: tuple[int, int] = (900, 900), **more: Any) -> None:
    """An experiment of which 900 units of each arm are known."""
    random = np.random.default_rng(4)
    before = random.normal(10.0, 1.0, (2, 900))
    now = before + random.normal(0.0, 0.5, (2, 900)) + [[0.0], [lift]]
    arms = [moments(*columns) for columns in zip(now, before, strict=True)]
    came = Arrived(900, 450, 86_400.0)
    split = count_split(Split(), (5_000, 5_000), new)
    outcomes = Outcomes(split, 0, {"mean:paid": Seen((Beside(arms[0], arms[1]),), came, came)})
    release = Release(
        id="r1", endpoint="churn", version=version(2), signature=SIGNATURE, actor="cli",
        created_us=0, changed_us=0, state="holding", plan=plan_of(PlanSettings(**(TOLD | more))),
        before=route("churn", 1, version(1)), revision=2, shares={2: 5_000},
    )  # fmt: skip
    workspace = Workspace(home)
    workspace.store.commit(
        Put(RELEASES, RELEASES.key("churn", "r1"), release, None),
        Put(OUTCOMES, OUTCOMES.key("churn", "r1"), Reckoned(outcomes), None),
    )
    workspace.close()


def told(home: Path, *more: str) -> str:
    result = CliRunner().invoke(cli, ["--home", str(home), "experiment", "churn", *more])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_it_tells_both_arms_how_they_compare_and_that_one_may_look(home: Path) -> None:
    begin(home, lift=0.05, covariate_before="7d")
    shown = told(home)
    for words in (
        "m:2 at churn, by mean:paid (higher is better): holding", "24.0 h",
        "It is not proven that either version is better",
        "Intervals hold at every look", "Difference: 0.0", "explains 8", "more units",
        "Units are split as the route says", "50.0%", "at least 0.9 times",
    ):  # fmt: skip
        assert words in shown


def test_what_is_planned_is_not_told_before(home: Path) -> None:
    begin(home, lift=3.0, peek=False, units=4_000)
    shown = told(home)
    assert "not to be read before 4,000 units" in shown
    assert "Difference" not in shown
    assert "13." not in shown
    standing = msgspec.json.decode(told(home, "--json"))["standing"]
    assert (standing["difference"], standing["units"], standing["needed"]) == (None, 1_800, 2_200)


def test_arms_that_are_not_split_as_the_route_says_are_an_alarm(home: Path) -> None:
    begin(home, lift=3.0, new=(1_200, 900))
    shown = told(home)
    assert "Units are not split as the route says" in shown
    assert "proven better" not in shown


def test_where_there_was_none_it_says_so(home: Path) -> None:
    Workspace(home).close()
    with pytest.raises(NotFoundError, match="no experiment"):
        told(home)
    with pytest.raises(FairleadError, match="no experiment"):
        told(home, "--plan")


def test_a_plan_is_told_before_it_begins(home: Path) -> None:
    home.mkdir()
    settings = home / "fairlead.toml"
    settings.write_text('[release.churn]\nstrategy = "ab"\ngoal = "mean:paid"\nsplit = "20%"\n')
    assert "first version" in told(home, "--plan")
    workspace = Workspace(home)
    one = route("churn", 1, version(1))
    workspace.store.commit(Put(ROUTES, ROUTES.key("churn"), one, None))
    assert "0.2 of the traffic, for 14 days at most: nothing on the log" in told(home, "--plan")
    plan, _ = plan_for(workspace, "churn", {"strategy": "ab"})
    assert plan.goal is not None  # as the settings say
    with pytest.raises(ConfigError, match="no look can be planned"):
        plan_for(workspace, "churn", {"strategy": "ab", "goal": "error", "peek": False})
    workspace.close()
