"""What commands print: bars of numbers, and text that no terminal obeys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.cli.output import fail, table
from fairlead.cli.sparkline import BARS, WIDTH, sparkline
from fairlead.errors import ConfigError

NUMBERS = st.floats(-10, 1e9) | st.none()


@given(st.lists(NUMBERS, max_size=500))
def test_a_sparkline_fits_and_is_made_of_bars(values: list[float | None]) -> None:
    drawn = sparkline(values)
    assert len(drawn) <= min(WIDTH, len(values))
    assert set(drawn) <= {*BARS, " "}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=500))
def test_the_largest_value_is_never_lost(values: list[float]) -> None:
    assert sparkline([*values, 2.0])[-1] == BARS[-1]


def test_small_noise_stays_small() -> None:
    assert sparkline([0.001, 0.002], full=0.1) == "▁▁"
    assert sparkline([]) == ""


def test_a_terminal_obeys_no_cell(capsys: pytest.CaptureFixture[str]) -> None:
    table(("field",), [("a\x1b[31mred\u202egnp.exe\x07",)])
    printed = capsys.readouterr().out
    assert not {"\x1b", "\u202e", "\x07"} & set(printed)
    assert "a\ufffd[31mred\ufffdgnp.exe" in printed


def test_errors_end_with_the_status_that_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        fail(ConfigError("No."), status=2)
    assert ended.value.code == 2
    with pytest.raises(SystemExit) as ended:
        fail(FileNotFoundError(2, "No such file", "x.toml"))
    assert ended.value.code == 1
    assert "x.toml cannot be used" in capsys.readouterr().err
    with pytest.raises(OSError, match="plain"):
        fail(OSError("plain"))
