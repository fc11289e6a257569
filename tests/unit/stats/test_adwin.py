"""ADWIN finds what river's finds, at the same value and with the same window left."""

from __future__ import annotations

from random import Random

import pytest

from fairlead.stats import Adwin

Found = tuple[list[tuple[int, int, float]], int, float]

# Of river 0.26.1, drift.ADWIN(): (place, width, estimation) of each detection, and the last two
# at the end.
RIVER: dict[str, Found] = {
    "one_step": ([(3167, 992, 0.07755185)], 2832, 0.512647431),
    "none": ([], 20000, 0.00135273),
    "ramp": ([(6079, 5056, 0.067246835)], 5920, 0.184797297),
    "many_steps": (
        [
            (1567, 352, 0.598313038), (3071, 224, 0.709658008), (4575, 288, 0.566365209),
            (6079, 256, 0.709579702), (7583, 224, 0.630350325), (9087, 288, 0.735577951),
            (10559, 576, 0.513017735), (12095, 160, 0.641650172), (13567, 224, 0.57837139),
        ],
        1432, 0.792641482,
    ),
    "outliers": (
        [
            (3007, 576, 6.238813668), (3647, 512, 7.232992549), (4543, 768, 5.279562898),
            (7359, 2048, 9.08419467),
        ],
        2640, 8.571573288,
    ),
}  # fmt: skip


def streams() -> dict[str, list[float]]:
    random = Random(7)
    return {
        "one_step": [random.gauss(0, 1) + (0.5 if i >= 3000 else 0) for i in range(6000)],
        "none": [random.gauss(0, 1) for _ in range(20_000)],
        "ramp": [
            float(random.random() < 0.05 + 0.15 * min(1, max(0, (i - 4000) / 4000)))
            for i in range(12_000)
        ],
        "many_steps": [random.random() + 0.3 * ((i // 1500) % 2) for i in range(15_000)],
        "outliers": [random.expovariate(1) ** 3 + (i >= 5000) * 3 for i in range(10_000)],
    }


@pytest.mark.parametrize("name", RIVER)
def test_adwin_agrees_with_rivers(name: str) -> None:
    adwin, found = Adwin(), []
    for place, value in enumerate(streams()[name]):
        if adwin.update(value):
            found.append((place, adwin.rows, round(adwin.mean, 9)))
    places, rows, mean = RIVER[name]
    assert [f[:2] for f in found] == [p[:2] for p in places]
    assert [f[2] for f in found] == pytest.approx([p[2] for p in places], abs=1e-8)
    assert adwin.rows == rows
    assert adwin.mean == pytest.approx(mean, abs=1e-8)


def test_a_window_without_values_has_mean_zero() -> None:
    assert Adwin().mean == 0.0
