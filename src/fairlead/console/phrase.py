"""Releases in words: what state one is in, what each order does, and what its steps are."""

from __future__ import annotations

from fairlead.api.release import Offer, ReleaseLine, ReleaseReport, StepLine, Word
from fairlead.console import format as write
from fairlead.releases.types import OrderName

STATES = {
    "requested": ("idle", "Asked for"),
    "preparing": ("well", "Being loaded"),
    "switching": ("well", "Being switched"),
    "holding": ("well", "Under way"),
    "asking": ("ask", "Waits for a person"),
    "baking": ("well", "Answers all, watched"),
    "done": ("idle", "Done"),
    "rolled back": ("trouble", "Rolled back"),
    "aborted": ("idle", "Taken back"),
    "failed": ("trouble", "Failed"),
}
TITLES: dict[OrderName, str] = {
    "approve": "Approve",
    "pause": "Pause",
    "resume": "Resume",
    "promote": "Promote",
    "abort": "Abort",
    "rollback": "Roll back",
}
DANGER = ("abort", "rollback")
DID = {
    "requested": "asked for it",
    "approve": "approved",
    "pause": "paused it",
    "resume": "let it go on",
    "promote": "promoted it",
    "abort": "took it back",
    "rollback": "rolled it back",
}
STANDINGS = {
    "done": "done",
    "present": "now",
    "ended here": "ended here",
    "to come": "to come",
    "not reached": "not reached",
}


def level_of(line: ReleaseLine) -> str:
    """How urgent a release's state is."""
    return "idle" if line.paused and line.state == "holding" else STATES[line.state][0]


def state_of(line: ReleaseLine) -> str:
    """A release's state."""
    title = STATES[line.state][1]
    return f"{title}, paused" if line.paused and line.state in _GOING else title


_GOING = ("requested", "preparing", "switching", "holding", "asking", "baking")


def step_title(step: StepLine) -> str:
    """What a step is.

    Example:
        >>> step_title(StepLine(kind="share", share=0.05)), step_title(StepLine(kind="approve"))
        ('5 %', 'Approval')
    """
    if step.kind == "approve":
        return f"Approval by {step.who}" if step.who else "Approval"
    if step.kind == "bake":
        return "Watched"
    share = write.percent(step.share)
    return f"Shadow of {share}" if step.kind == "shadow" else share


def step_note(step: StepLine, now_us: int) -> str:
    """How long a step lasts, and how long it has, at the present one.

    Example:
        >>> step_note(StepLine(kind="share", hold_us=600_000_000), 0)
        'for 10 min'
        >>> begun = StepLine(kind="share", hold_us=600_000_000, standing="present", begun_us=0)
        >>> step_note(begun, 120_000_000)
        '2 min of 10 min'
    """
    hold = write.span(step.hold_us / 1e6)
    if step.standing == "done" and step.begun_us is not None and step.ended_us is not None:
        return f"in {write.span((step.ended_us - step.begun_us) // 1_000_000)}"
    if step.standing != "present" or step.begun_us is None:
        return f"for {hold}" if step.hold_us else ""
    passed = write.span(max(now_us - step.begun_us, 0) // 1_000_000)
    return f"{passed} of {hold}" if step.hold_us else f"since {passed}"


def order_note(offer: Offer, report: ReleaseReport) -> str:
    """What an order does to a release."""
    version, before = report.line.version, report.before or "what was before"
    coming = [step for step in report.steps if step.standing == "to come"]
    match offer.order:
        case "approve":
            after = f" Next: {_named(coming[0])}." if coming else ""
            return f"{version} goes on.{after}"
        case "pause":
            return "It stays at this step. Its guards still roll it back."
        case "resume":
            return "It goes on by its plan."
        case "promote":
            left = sum(step.kind != "bake" for step in coming)
            out = f" {left} step{'s' if left > 1 else ''} of the plan are left out." if left else ""
            return f"All traffic goes to {version} now.{out}"
        case "abort":
            return f"It ends. {version} has answered nobody, and nobody notices."
        case "rollback":
            return f"{before} answers all requests again. It is still loaded."


def word_of(word: Word) -> str:
    """What happened, in words."""
    return DID.get(word.did, word.did) if word.ordered else STATES.get(word.did, ("", word.did))[1]


def _named(step: StepLine) -> str:
    note = step_note(step, 0)
    return f"{step_title(step)} {note}".strip()
