"""Advice in words: what is proven, and what is not."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.durations import about
from fairlead.stats import Estimate
from fairlead.updates.advice.compare import Compared, cheapest
from fairlead.updates.advice.score import RANKING
from fairlead.updates.advice.types import Advice, Decay, Line

MONTH_S = 30 * 86_400.0


def tell(advice: Advice, compared: Compared) -> tuple[str, ...]:
    """The answers to how fast, how often, how much, which way, and what to do.

    Args:
        advice: as far as it is found.
        compared: the deciding metric of all policies.
    """
    said = [tell_decay(advice), *_often(advice, compared), *_much(advice, compared)]
    said += [*_way(advice, compared), _what(advice)]
    return tuple(said)


def tell_decay(advice: Advice) -> str:
    """How fast the model decays, in a sentence or two."""
    found, metric = advice.decay, advice.metric
    if found is None or found.slope is None:
        return "How fast it decays is not known: too few models of different age were trained."
    block_s = advice.block_us / 1e6
    unit_s, unit = _unit(block_s)
    each = unit_s / block_s
    slope = Estimate(
        *(each * end for end in (found.slope.value, found.slope.low, found.slope.high))
    )
    if found.verdict == "decay":
        return (
            f"It decays: with each {unit} of age {metric} gets worse by {_between(slope)}. "
            f"{_half(found, advice)}"
        )
    most = max(slope.high, 0.0)
    seen = len(found.ages) * block_s
    return (
        f"No decay is seen over {about(seen)} of age: with each {unit} {metric} gets worse by "
        f"at most {most:.2g} ({_between(slope)})."
    )


def _half(found: Decay, advice: Advice) -> str:
    if found.half_blocks is None or found.half_low_blocks is None:
        return "It is no better than a constant answer, so nothing is told of half of it."
    block_s = advice.block_us / 1e6
    ends = [found.half_low_blocks, found.half_high_blocks]
    shown = " to ".join(about(end * block_s) for end in ends if end is not None)
    text = (
        f"Half of what it is better than a constant answer is lost after "
        f"{about(found.half_blocks * block_s)} ({shown})"
    )
    beyond = found.half_blocks > len(found.ages)
    return f"{text}, which is further than was seen." if beyond else f"{text}."


def _often(advice: Advice, compared: Compared) -> Iterator[str]:
    """How often to train, on all there is."""
    lines = [
        line for line in advice.lines
        if line.policy.every and line.policy.way == "scratch" and not line.policy.window
    ]  # fmt: skip
    if not lines:
        return
    best = max(lines, key=lambda line: line.gain.value)
    enough = cheapest(lines, compared)
    if enough is None:
        yield (
            f"How often: no cadence is proven better than never; the best of them, "
            f"{best.policy.name}, gained {_between(best.gain)}."
        )
        return
    name = enough.policy.name
    yield f"How often: {name} is proven better than never, by {_between(enough.gain)}."
    if best.trainings > enough.trainings:
        yield (
            f"More often, {best.policy.name}, is not proven better than that: "
            f"{_between(compared.apart(best.policy.name, name))}."
        )


def _much(advice: Advice, compared: Compared) -> Iterator[str]:
    """How much history to train on."""
    windows = [line for line in advice.lines if line.policy.window and line.policy.every == 1]
    whole = _whole(advice)
    if not windows or whole is None:
        return
    best = max(windows, key=lambda line: line.gain.value)
    apart = compared.apart(best.policy.name, whole.policy.name)
    if apart.low > 0:
        yield f"How much: {best.policy.name} is proven better than on all, by {_between(apart)}."
        return
    worse = [line for line in windows if compared.is_better(whole.policy.name, line.policy.name)]
    if len(worse) == len(windows):
        yield "How much: all there is; each shorter stretch that was tried is proven worse."
        return
    yield (
        f"How much: no stretch is proven better than all there is; {best.policy.name} differs by "
        f"{_between(apart)}."
    )


def _way(advice: Advice, compared: Compared) -> Iterator[str]:
    """Fine-tune, begin anew, or only recalibrate."""
    whole = _whole(advice)
    tuned = [line for line in advice.lines if line.policy.way == "fine-tune"]
    if whole is not None and tuned:
        one = tuned[0]
        if one.by_block == whole.by_block:
            yield "Fine-tuning gave the same as beginning anew: is 'previous' used at all?"
        else:
            apart = compared.apart(one.policy.name, whole.policy.name)
            yield f"Fine-tuning against beginning anew: {_judged(apart)}."
    for line in advice.lines:
        if line.policy.way != "recalibrate":
            continue
        if advice.metric in RANKING:
            others = "".join(f"; {name} gets better by {_between(gain)}"
                             for name, gain in line.others.items())  # fmt: skip
            yield f"Recalibrating keeps the order of answers, and {advice.metric} nearly{others}."
        else:
            yield f"Recalibrating alone against nothing: {_judged(line.gain)}."


def _what(advice: Advice) -> str:
    """What to do."""
    if not advice.recommended:
        why = (
            "none is proven to be worth its price"
            if _priced(advice)
            else ("no policy is proven better")
        )
        return f"So: never train again, for {why}. That is not proof that training never helps."
    chosen = next(line for line in advice.lines if line.policy.name == advice.recommended)
    paid = ""
    if chosen.cost is not None:
        paid = f" for {chosen.cost:,.2f} {advice.currency} over the time compared"
    if chosen.net is not None:
        low, high = chosen.net.low, chosen.net.high
        paid += f", net {chosen.net.value:,.2f} ({low:,.2f} to {high:,.2f}) in 30 days"
    learnt = ""
    if advice.decay is not None and advice.decay.verdict == "no decay seen" and chosen.trainings:
        learnt = (
            " That age does harm is not proven: the gain may come from more rows, not newer ones."
        )
    return f"So: {chosen.policy.name}, {chosen.trainings} trainings{paid}.{learnt}"


def _priced(advice: Advice) -> bool:
    return all(line.net is not None for line in advice.lines)


def _whole(advice: Advice) -> Line | None:
    """Training of each block on all there is."""
    for line in advice.lines:
        policy = line.policy
        if policy.every == 1 and policy.way == "scratch" and not policy.window:
            return line
    return None


def _judged(apart: Estimate) -> str:
    if apart.low > 0:
        return f"proven better, by {_between(apart)}"
    return (
        f"proven worse, {_between(apart)}"
        if apart.high < 0
        else (f"no difference is proven, {_between(apart)}")
    )


def _between(found: Estimate) -> str:
    value, low, high = (round(end, 12) + 0.0 for end in (found.value, found.low, found.high))
    return f"{value:.3g} ({low:.3g} to {high:.3g})"


def _unit(block_s: float) -> tuple[float, str]:
    """The unit in which age is told: 30 days, a day, an hour, or a block."""
    for unit_s, name in ((MONTH_S, "30 days"), (86_400.0, "day"), (3600.0, "hour")):
        if block_s >= unit_s / 30:
            return unit_s, name
    return block_s, "block"
