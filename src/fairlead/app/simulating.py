"""Plans that are simulated for who asks the control plane: beside it, one at a time, in bounds."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError, UnavailableError
from fairlead.releases import Plan
from fairlead.releases.simulation.ending import Ending, Simulated
from fairlead.releases.simulation.simulate import check
from fairlead.releases.simulation.traffic import (
    NO_FAULT,
    Fault,
    Traffic,
    make_traffic,
    read_fault,
    traffic_of,
)
from fairlead.runners.process import ModelProcess

CHILD = "fairlead.app.simulation_child"
SIMULATE_S_MAX = 30.0
STEPS_MAX = 50
GOOD = "no fault"


class Asked(msgspec.Struct, frozen=True):
    """What is to be simulated.

    Args:
        plan: of the releases.
        traffic: that they see.
        faults: of the candidates, by their name.
        runs: releases of each.
        seed: of what is drawn.
    """

    plan: Plan
    traffic: Traffic
    faults: dict[str, Fault]
    runs: int
    seed: int


def candidates(faults: Sequence[str]) -> dict[str, Fault]:
    """One without a fault, and one with each, by their name.

    Raises:
        ConfigError: a fault cannot be read.
    """
    return {GOOD: NO_FAULT} | {text: read_fault(text) for text in faults}


def traffic_for(workspace: Workspace, endpoint: str, made: Mapping[str, float]) -> Traffic:
    """That of an endpoint's log, or what is made up as it is told.

    Args:
        workspace: of the log.
        endpoint: whose; empty for none.
        made: numbers that `make_traffic` takes.

    Raises:
        ConfigError: both are told, or a number is outside of its domain.
        NotFoundError: the log holds too little.
    """
    if not endpoint:
        return make_traffic(**made)
    if made:
        raise ConfigError(
            "The traffic is either that of a log or made up, not both.",
            hint="Leave out the log, or what is told of requests, failures, times and units.",
        )
    return traffic_of(workspace.read(endpoint), workspace.clock.now_us())


def in_words(traffic: Traffic, runs: int) -> str:
    """What is simulated, in a line."""
    mean = sum(traffic.requests_per_h) / len(traffic.requests_per_h)
    median_ms = traffic.latency_us[len(traffic.latency_us) // 2] / 1e3
    who = f", of {traffic.units:,.0f} units a day" if traffic.units is not None else ""
    return (
        f"{runs:,} releases each. {mean:,.0f} requests an hour{who}; {traffic.failing:.2%} fail; "
        f"half of them take less than {median_ms:.3g} ms."
    )


class Simulator:
    """Simulates in a process that ends with it: it takes seconds of a core."""

    def __init__(self) -> None:
        self._busy = threading.Lock()

    def __call__(self, asked: Asked) -> Simulated:
        """Carry a plan out many times.

        Raises:
            ConfigError: there is nothing to simulate, or too much.
            UnavailableError: another plan is being simulated.
            DeadlineError: it takes too long.
        """
        if len(asked.plan.steps) > STEPS_MAX:
            raise ConfigError(f"A plan of more than {STEPS_MAX} steps is not simulated here.")
        for fault in asked.faults.values():
            check(asked.plan, asked.traffic, fault)
        if not self._busy.acquire(blocking=False):
            raise UnavailableError("Another plan is being simulated.", hint="Try again in a while.")
        try:
            found = _carried_out(asked)
        finally:
            self._busy.release()
        note = in_words(asked.traffic, asked.runs)
        return Simulated(note=note, runs=asked.runs, candidates=found)


def _carried_out(asked: Asked) -> tuple[Ending, ...]:
    what = "The simulation"
    process = ModelProcess(CHILD, Path(), timeout_s=SIMULATE_S_MAX, what=what)
    question = np.array([msgspec.json.encode(asked).decode()], dtype=object)
    try:
        answer = process.ask({"asked": question})
    finally:
        process.close()
    return msgspec.json.decode(str(answer["found"][0]), type=tuple[Ending, ...])
