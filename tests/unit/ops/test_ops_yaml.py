"""YAML that is written is read as what it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.ops.yaml import yaml

SCALARS = (
    st.text(max_size=20)
    | st.sampled_from(["yes", "no", "on", "~", "null", "1e3", "0x1F", "12:30", "- a", "a: b", " #"])
    | st.integers(-1000, 1000)
    | st.booleans()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z]{2}_[a-z]{1,6}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_it_is_read_back_as_it_was(value: object) -> None:
    read = pytest.importorskip("yaml", reason="PyYAML is not installed").safe_load
    assert read(yaml(value)) == value
