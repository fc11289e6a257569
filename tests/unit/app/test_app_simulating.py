"""Plans simulated over the control plane: in bounds, beside it, for operators alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairlead.app import simulating
from fairlead.app.simulating import Asked, Simulator, candidates
from fairlead.errors import ConfigError, DeadlineError, UnavailableError
from fairlead.releases import PlanSettings, plan_of
from fairlead.releases.simulation.ending import ending
from fairlead.releases.simulation.simulate import simulate
from fairlead.releases.simulation.traffic import make_traffic
from support.control import Control, control_of

PLAN: dict[str, Any] = {"steps": ["5% for 1h", "100%"], "bake": "10m"}


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with control_of(tmp_path / "home") as control:
        yield control


def asked(runs: int = 20, **more: Any) -> Asked:
    plan = plan_of(msgspec.convert(PLAN | more, PlanSettings))
    return Asked(plan, make_traffic(), candidates(["error_rate=10x"]), runs, 0)


def test_the_door_tells_the_same_as_is_found_here(control: Control) -> None:
    wanted = {"plan": PLAN, "inject": ["error_rate=10x"], "runs": 20}
    reply = control.ask("/v1/simulations", wanted)
    assert reply.status == 200, reply.json
    here = [
        ending(name, simulate(asked().plan, make_traffic(), fault, runs=20))
        for name, fault in asked().faults.items()
    ]
    assert reply.json["candidates"] == msgspec.to_builtins(here)
    assert reply.json["candidates"][1]["rolled_back"]["value"] == 1.0
    assert reply.json["runs"] == 20
    assert "20 releases each. 10,000 requests an hour" in reply.json["note"]


@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        ({"runs": 2_001}, 422, "2000"),
        ({"runs": 0}, 422, "runs"),
        ({"inject": ["latency=+20%"] * 6}, 422, "inject"),
        ({"plan": {"step": []}}, 400, "no key 'step'"),
        ({"plan": {"steps": 5}}, 400, "array"),
        ({"plan": {"steps": ["5% for ever", "100%"]}}, 400, "no step"),
        ({"plan": {"strategy": "shadow"}}, 400, "nothing to simulate"),
        ({"plan": {"steps": [f"{n}% for 1m" for n in range(1, 61)] + ["100%"]}}, 400, "50 steps"),
        ({"inject": ["error_rate=many"]}, 400, "no fault"),
        ({"error_rate": 0}, 400, "Nothing fails"),
        ({"requests": -1}, 400, "above 0"),
        ({"from_log": "nobody"}, 404, "no endpoint"),
        ({"out": "/etc/passwd"}, 422, "out"),
    ],
)
def test_what_cannot_be_simulated_is_refused(
    control: Control, more: dict[str, Any], status: int, says: str
) -> None:
    reply = control.ask("/v1/simulations", {"plan": PLAN} | more)
    assert (reply.status, says in reply.body.decode()) == (status, True), reply.body


def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulating, "SIMULATE_S_MAX", 0.05)
    simulator = Simulator()
    with pytest.raises(DeadlineError, match=r"The simulation took longer than 0\.05 s"):
        simulator(asked(runs=2_000))
    monkeypatch.undo()
    assert len(simulator(asked()).candidates) == 2, "the next one is served"


def test_one_is_simulated_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slowly(_: Asked) -> tuple[()]:
        entered.set()
        assert go_on.wait(30)
        return ()

    monkeypatch.setattr(simulating, "_carried_out", slowly)
    simulator = Simulator()
    first = _beside(lambda: simulator(asked()))
    assert entered.wait(30)
    with pytest.raises(UnavailableError, match="Another plan"):
        simulator(asked())
    go_on.set()
    first.join()
    assert simulator(asked()).candidates == ()


def test_what_comes_later_is_not_simulated() -> None:
    with pytest.raises(ConfigError, match="Labels and business values"):
        Simulator()(asked(guard={"accuracy": "difference >= -0.1"}))


def _beside(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread
