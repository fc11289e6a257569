"""What is kept: never too much, never too old, and what was asked for lately the longest."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fairlead.app.settings import load_settings
from fairlead.errors import ConfigError
from fairlead.serving.cache.keep import Keep, kept_of
from fairlead.serving.cache.types import CacheLimits, Kept, Key, limits_of
from fairlead.signature import Batch

TTL_S, SIZE_MAX = 10.0, 1000
NOTHING = Batch(1, (), np.empty((1, 0)), {})
KEYS = st.integers(0, 9).map(lambda n: ("v", bytes([n])))


class KeepMachine(RuleBasedStateMachine):
    """A keep beside a list that is searched from its end."""

    def __init__(self) -> None:
        super().__init__()
        self.keep = Keep(CacheLimits(TTL_S, SIZE_MAX))
        self.now_s = 0.0
        self.model: dict[Key, Kept] = {}  # in the order of use

    @rule(key=KEYS, size_bytes=st.integers(1, 1200))
    def put(self, key: Key, size_bytes: int) -> None:
        kept = Kept(NOTHING, self.now_s, size_bytes)
        gone = self.keep.put(key, kept)
        self.model.pop(key, None)
        before = len(self.model)
        if size_bytes <= SIZE_MAX:
            self.model[key] = kept
            while sum(one.size_bytes for one in self.model.values()) > SIZE_MAX:
                del self.model[next(iter(self.model))]
            before += 1
        assert gone == before - len(self.model)

    @rule(seconds=st.floats(0, 8))
    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(key=KEYS)
    def ask(self, key: Key) -> None:
        found, wanted = self.keep.fresh(key, self.now_s), self.model.get(key)
        if wanted is None or self.now_s - wanted.made_s >= TTL_S:
            assert found is None
        else:
            assert found is wanted
            self.model[key] = self.model.pop(key)

    @rule(key=KEYS)
    def ask_for_stale(self, key: Key) -> None:
        assert self.keep.stale(key) is self.model.get(key)

    @invariant()
    def it_keeps_its_bound(self) -> None:
        assert self.keep.size_bytes == sum(one.size_bytes for one in self.model.values())
        assert self.keep.size_bytes <= SIZE_MAX
        assert len(self.keep) == len(self.model)


TestKeep = KeepMachine.TestCase


def answers(rows: int, text: str) -> Batch:
    labels = np.array([f"{text}{row}" for row in range(rows)], dtype=object)
    columns = {"label": labels, "probabilities": np.ones((rows, 5), np.float32)}
    return Batch(rows, ("score",), np.ones((rows, 1)), columns)


@given(st.integers(0, 4))
def test_what_is_kept_of_a_row_holds_none_of_the_others(place: int) -> None:
    whole = answers(5, "yes")
    kept = kept_of(whole, place, 1.0)
    assert kept.outputs.columns["label"].tolist() == [f"yes{place}"]
    arrays = [kept.outputs.numbers, *kept.outputs.columns.values()]
    assert all(array.base is None for array in arrays)


@pytest.mark.parametrize("text", ["y", "y" * 5000])
def test_memory_is_reckoned_as_it_is_taken(text: str) -> None:
    whole = answers(500, text)
    keep = Keep(CacheLimits(60.0, 1 << 30))
    tracemalloc.start()
    try:
        for row in range(500):
            # the text of a model's answer is held by nothing else
            own = answers(1, f"{text}{row}")
            keep.put(("digest", row.to_bytes(16, "big")), kept_of(own, 0, 0.0))
            del own
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert whole.rows == len(keep)
    assert 0.9 * taken < keep.size_bytes < 1.6 * taken


def test_settings_are_read_and_checked(tmp_path: Any) -> None:
    file = tmp_path / "fairlead.toml"
    file.write_text('[endpoint.e]\ncache = { ttl = "10m", memory_mb = 2 }\n')
    cache = load_settings(file).endpoint["e"].cache
    assert limits_of("e", cache) == CacheLimits(600.0, 2_000_000)
    for wrong, told in {
        'cache = { tll = "10m" }': "Did you mean 'endpoint.e.cache.ttl'?",
        'cache = { ttl = "soon" }': "endpoint.e.cache.ttl is not right",
        'cache = { ttl = "0s" }': "'endpoint.e.cache.ttl' is not above 0",
        "cache = { memory_mb = 2 }": "'endpoint.e.cache' needs a ttl",
        'cache = { ttl = "1m", memory_mb = 0 }': "endpoint.e.cache.memory_mb is not right",
        'cache = "10m"': "endpoint.e.cache is not right",
    }.items():
        file.write_text(f"[endpoint.e]\n{wrong}\n")
        with pytest.raises(ConfigError) as caught:
            load_settings(file)
        assert told in f"{caught.value.message} {caught.value.hint}", wrong
