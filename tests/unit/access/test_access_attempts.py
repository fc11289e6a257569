"""How often passwords may be tried: what is remembered of it stays small, whoever tries."""

from __future__ import annotations

import tracemalloc

from fairlead.access.attempts import OF_ADDRESS, OF_NAME, Attempts
from fairlead.clock import ManualClock
from fairlead.errors import RateError

TRIES = 10_000
MEMORY_BYTES = 4_000_000


def tried(attempts: Attempts, name: str, address: str) -> bool:
    try:
        attempts.take(name, address)
    except RateError:
        return False
    return True


def test_a_flood_of_names_and_addresses_fills_no_memory_and_hides_no_guessing() -> None:
    clock = ManualClock()
    attempts = Attempts(clock)
    while tried(attempts, "ann", "192.0.2.7"):
        pass
    tracemalloc.start()
    try:
        for number in range(TRIES):
            clock.advance(10 / TRIES)
            assert tried(attempts, f"{number}{'x' * 1000}", f"2001:db8:0:{number:x}::1")
        used_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used_bytes < MEMORY_BYTES
    assert not tried(attempts, "ann", "198.51.100.1"), "its name was tried too often, and is known"
    clock.advance(OF_NAME.burst / OF_NAME.rate)
    assert tried(attempts, "ann", "192.0.2.7")


def test_an_address_from_which_many_names_were_tried_is_not_forgotten_either() -> None:
    clock = ManualClock()
    attempts = Attempts(clock)
    for number in range(round(OF_ADDRESS.burst)):
        assert tried(attempts, f"n{number}", "192.0.2.7")
    for number in range(5_000):
        assert tried(attempts, f"m{number}", f"10.0.{number >> 8}.{number & 0xFF}")
    assert not tried(attempts, "another", "192.0.2.7")


def test_names_that_differ_where_no_name_reaches_count_as_one() -> None:
    attempts = Attempts(ManualClock())
    told = [tried(attempts, "x" * 100 + str(number), f"10.0.0.{number}") for number in range(6)]
    assert told == [True] * 5 + [False]
