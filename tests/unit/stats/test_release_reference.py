"""What releases are decided by agrees with the packages that the field uses."""

from __future__ import annotations

import json
from math import exp, inf, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from fairlead.stats import (
    Estimate,
    Measure,
    adjust,
    asymptotic_sequence,
    benjamini_hochberg,
    bernoulli_sequence,
    difference,
    half_width,
    holm,
    kappa,
    lift,
    log_beta_mixture,
    log_failure_evidence,
    log_normal_mixture,
    log_split_evidence,
    measure,
    moments,
    proportion,
    score_difference,
    score_z,
    sequence_p_value,
    share_rise,
    size_for_difference,
    size_for_proportions,
    split_test,
    t_interval,
    t_p_value,
    tuned_concentration,
    tuned_rho,
    wilson,
)
from fairlead.stats.roots import change

VECTORS = json.loads((Path(__file__).parent / "recorded" / "releases.json").read_text())["vectors"]
ARMS = proportion(480, 10_000), proportion(532, 10_000)


def inputs(name: str) -> dict[str, Any]:
    return VECTORS[name]["inputs"]  # type: ignore[no-any-return]


def outputs(name: str) -> dict[str, Any]:
    return VECTORS[name]["outputs"]  # type: ignore[no-any-return]


def near(value: Any, rel: float = 1e-8) -> Any:
    return pytest.approx(value, rel=rel, abs=1e-14)


def ends(one: Estimate) -> tuple[float, float]:
    return one.low, one.high


def test_two_proportions() -> None:
    counts = (532, 10_000, 480, 10_000)
    known = outputs("two_prop_1")
    z = score_z(*counts, corrected=False)
    assert (z, 2 * ndtr(-z)) == near((known["z_pooled"], known["p_two_sided"]))
    assert ends(share_rise(*counts)) == near(known["ci95_newcomb"])
    # The oracle's restricted estimate is not of largest likelihood; see its note.
    assert ends(score_difference(*counts)) == pytest.approx(known["ci95_score"], abs=1e-5)
    assert ends(wilson(7, 1000)) == near(outputs("one_prop")["wilson"])


@pytest.mark.parametrize("name", ["mn_a", "mn_b", "mn_c", "mn_h"])
def test_the_score_interval_is_that_of_the_published_table(name: str) -> None:
    one = score_difference(*inputs(name)["counts"])
    assert ends(one) == pytest.approx(outputs(name)["ci95"], abs=6e-5)


@pytest.mark.parametrize("margin", [-0.2, -0.01, 0.03, 0.4])
@pytest.mark.parametrize("counts", [(9450, 10_000, 9500, 10_000), (3, 40, 9, 25), (0, 9, 4, 7)])
def test_the_score_uses_the_shares_of_largest_likelihood(
    counts: tuple[int, int, int, int], margin: float
) -> None:
    hits, rows, control_hits, control_rows = counts
    q = np.linspace(max(0.0, -margin), min(1.0, 1.0 - margin), 2_000_003)[1:-1]
    p = q + margin
    likelihood = hits * np.log(p) + (rows - hits) * np.log1p(-p)
    likelihood += control_hits * np.log(q) + (control_rows - control_hits) * np.log1p(-q)
    best = int(likelihood.argmax())
    variance = p[best] * (1 - p[best]) / rows + q[best] * (1 - q[best]) / control_rows
    z = (hits / rows - control_hits / control_rows - margin) / sqrt(variance)
    assert score_z(*counts, difference=margin, corrected=False) == pytest.approx(z, rel=2e-3)


def test_noninferiority_of_proportions() -> None:
    z = score_z(9450, 10_000, 9500, 10_000, difference=-0.01, corrected=False)
    assert z == pytest.approx(outputs("noninferiority_prop")["z_score"], rel=1e-3)
    one = difference(*ARMS)
    known = outputs("spot_ni")
    wald = one.value - known["null_hypothesis"]
    assert float(ndtr(-wald / one.standard_error)) == near(known["p-value"])
    z_known = outputs("spot_z")
    half = 1.959963984540054 * one.standard_error
    assert one.value + half == near(z_known["ci_upper"])


def test_welch() -> None:
    known = outputs("welch_1")
    arms = Measure(10.0, 9.0, 500, 500), Measure(10.4, 12.25, 450, 450)
    one = difference(*arms)
    assert (one.standard_error, one.degrees) == near((known["se"], known["df"]))
    assert ends(t_interval(one)) == near(known["ci95"])
    assert t_p_value(one) == near(known["p_two_sided"])
    assert t_p_value(one, margin=-0.2, sides=1) == near(known["p_ni_one_sided"])
    relative, known = lift(*arms), outputs("gb_mean_relative")
    assert (relative.value, relative.standard_error) == near((known["expected"], known["se"]))
    assert ends(t_interval(relative)) == near(known["ci"])
    assert t_p_value(relative) == near(known["p"])


def test_proportions_as_metrics() -> None:
    for one, name in ((difference(*ARMS), "absolute"), (lift(*ARMS), "relative")):
        known = outputs(f"gb_prop_{name}")
        assert (one.value, one.standard_error) == near((known["expected"], known["se"]))
        assert ends(t_interval(one)) == near(known["ci"])
        assert t_p_value(one) == near(known["p"])


def test_a_ratio_with_the_user_as_its_cluster() -> None:
    given, known = inputs("gb_ratio_absolute"), outputs("gb_ratio_absolute")
    arms = [
        measure(moments(*zip(*given[f"{arm}_clicks_views"], strict=True)), (0, 1)) for arm in "ab"
    ]
    assert [arm.value for arm in arms] == near([known["ratio_a"], known["ratio_b"]])
    assert [arm.variance for arm in arms] == near([known["var_a"], known["var_b"]])
    assert ends(t_interval(difference(*arms))) == near(known["ci"])
    assert t_p_value(difference(*arms)) == near(known["p"])


def test_cuped() -> None:
    given, known = inputs("gb_cuped_absolute"), outputs("gb_cuped_absolute")
    sums = [moments(*zip(*given[f"{arm}_post_pre"], strict=True)) for arm in "ab"]
    assert difference(*map(measure, sums)).standard_error == near(known["se_unadjusted"])
    arms = adjust(*sums)
    assert [arm.value for arm in arms] == near([known["adj_mean_a"], known["adj_mean_b"]])
    assert [arm.variance for arm in arms] == near([known["adj_var_a"], known["adj_var_b"]])
    one = difference(*arms)
    assert ends(t_interval(one)) == near(known["ci"])
    assert (one.standard_error, t_p_value(one)) == near((known["se"], known["p"]))


@pytest.mark.parametrize(("alpha", "units"), [(0.05, 5000), (0.1, 10_000), (0.01, 1000)])
def test_the_tuning_of_sequences(alpha: float, units: int) -> None:
    known = outputs(f"gb_rho_{alpha}_{units}")
    assert tuned_rho(units, alpha=alpha) == near(known["rho_two"])
    assert tuned_rho(units, alpha=alpha, sides=1) == near(known["rho_one"])


def test_asymptotic_sequences() -> None:
    for name, one in (
        ("absolute_5000", difference(*ARMS)),
        ("absolute_20000", difference(*ARMS)),
        ("relative_20000", lift(*ARMS)),
    ):
        known, rho = outputs(f"gb_seq_{name}"), tuned_rho(int(name.split("_")[1]))
        assert ends(asymptotic_sequence(one, rho)) == near(known["ci"])
        assert sequence_p_value(one, rho) == near(known["p"])
    rho = tuned_rho(5000, sides=1)
    upper = asymptotic_sequence(difference(*ARMS), rho, side="below")
    assert ends(upper) == (-inf, near(outputs("gb_seq_one_sided_lesser")["ci"][1]))
    lower = asymptotic_sequence(difference(*ARMS), rho, side="above")
    assert ends(lower) == (near(outputs("gb_seq_one_sided_greater")["ci"][0]), inf)
    known = outputs("gb_hw")
    assert float(half_width(1.0, 1000, tuned_rho(5000))) == near(known["two"])
    assert float(half_width(1.0, 1000, rho, sides=1)) == near(known["one"])


@pytest.mark.parametrize(("name", "side"), [("one", "above"), ("two", "both")])
def test_normal_and_beta_mixtures(name: str, side: Any) -> None:
    given, known = inputs(f"cs_normal_mix_{name}"), outputs(f"cs_normal_mix_{name}")
    s, v = given["s"], given["v"]
    # A sum s of intrinsic time v is a mean s / v of variance 1 / v.
    prior = tuned_rho(given["v_opt"], sides=1 if side == "above" else 2) ** 2
    assert float(log_normal_mixture(s / v, 1 / v, prior, side=side)) == near(known["log_e"])
    at_bound = log_normal_mixture(known["bound"] / v, 1 / v, prior, side=side)
    assert float(at_bound) == near(log(20))
    given, known = inputs(f"cs_beta_binom_{name}"), outputs(f"cs_beta_binom_{name}")
    p = given["g"]
    rows, tuned = (given[key] / (p * (1 - p)) for key in ("v", "v_opt"))
    concentration = tuned_concentration(tuned, side=side)
    for s, log_e in ((given["s"], known["log_e"]), (known["bound"], log(20))):
        hits = s + p * rows
        found = log_beta_mixture(hits, rows - hits, p, concentration=concentration, side=side)
        assert float(found) == near(log_e)


@pytest.mark.parametrize("tau", ["0.005", "0.01"])
def test_msprt(tau: str) -> None:
    given, known = inputs(f"msprt_tau_{tau}"), outputs(f"msprt_tau_{tau}")
    found = exp(log_normal_mixture(given["d"], given["V"], given["tau"] ** 2))
    assert (found, min(1.0, 1.0 / found)) == near((known["likelihood_ratio"], known["p_one_look"]))


@pytest.mark.parametrize("hits", [480, 532])
def test_the_bernoulli_sequence_solves_the_oracles_equation(hits: int) -> None:
    def holds(share: float) -> bool:  # with the alpha and t_opt that the call really gave
        found = log_beta_mixture(hits, 10_000 - hits, share, concentration=1e-3, side="both")
        return bool(found < log(1 / 1000))

    share = hits / 10_000
    found = change(holds, share, 1e-9), change(holds, share, 1 - 1e-9)
    assert found == near(outputs(f"cs_bern_ci_{hits}_10000")["ci"])
    one = bernoulli_sequence(hits, 10_000)
    k = tuned_concentration(1000, side="both")
    for end in ends(one):
        at = log_beta_mixture(hits, 10_000 - hits, end, concentration=k, side="both")
        assert float(at) == near(log(20), 1e-9)


def test_two_arms_are_told_apart_by_their_quantiles_as_the_oracle_does() -> None:
    i, j = np.arange(1, 401), np.arange(1, 301)
    a = np.sort(-100 * np.log1p(-((7919 * i) % 401) / 401))
    b = np.sort(60 - 100 * np.log1p(-((6007 * j) % 307) / 307))
    k = tuned_concentration(100, side="both")
    sums = np.zeros(700)
    for arm in (a, b):
        x = np.concatenate([a, b])
        less, most = np.searchsorted(arm, x, "left"), np.searchsorted(arm, x, "right")
        hits = np.clip(0.5 * len(arm), less, most)
        sums += log_beta_mixture(hits, len(arm) - hits, 0.5, concentration=k, side="both")
    assert -sums.min() == near(log(outputs("cs_quantile_ab")["p50"]))


def test_failures() -> None:
    for name in ("eproc_9_3", "eproc_12_60", "eproc_5_95"):
        given = inputs(name)
        found = log_failure_evidence(given["c"], given["s"], given["w"], ratio=1 + given["delta"])
        assert float(found) == near(outputs(name)["log_e"])


def test_splits() -> None:
    for name in ("srm_1", "srm_2"):
        test = split_test(inputs(name)["observed"], inputs(name)["expected_share"])
        assert (test.statistic, test.p_value) == near((outputs(name)["chi2"], outputs(name)["p"]))
    for name in ("gb_srm_50500", "gb_srm_9700"):
        test = split_test(inputs(name)["observed"], inputs(name)["weights"])
        assert test.p_value == near(outputs(name)["p"])
    for name in ("savvi_srm_5050_100", "savvi_srm_10000_100", "savvi_srm_9700_1"):
        given = inputs(name)
        found = log_split_evidence(given["counts"], given["theta0"], concentration=given["k"])
        assert exp(found) == near(outputs(name)["bayes_factor"], 1e-6)


def test_sizes() -> None:
    known = outputs("power_prop")
    assert size_for_proportions(0.05, 0.055).candidate == near(known["n_unpooled"])
    known = outputs("power_mean")
    equal = size_for_difference(0.1, 1.0, 1.0, power=0.9)
    assert (equal.control, equal.candidate) == near((known["n_z"], known["n_z"]))
    # Student's distribution asks for a little more than the normal one.
    canary = size_for_difference(0.1, 1.0, 1.0, power=0.9, share=0.05)
    assert canary.candidate == pytest.approx(known["n_canary_at_95_5"], rel=1e-4)
    assert canary.control == pytest.approx(known["n_control_at_95_5"], rel=1e-4)


def test_many_tests() -> None:
    p = inputs("multiplicity")["p"]
    assert holm(p) == near(outputs("multiplicity")["holm"])
    assert benjamini_hochberg(p) == near(outputs("multiplicity")["bh"])


@pytest.mark.parametrize("name", ["kappa_3", "kappa_2", "kappa_rare"])
def test_kappa(name: str) -> None:
    one, known = kappa(inputs(name)["table"]), outputs(name)
    assert one is not None
    assert one.value == near(known["kappa"])
    assert ends(one) == near(known["ci95"])
