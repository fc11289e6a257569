"""Which step of a pipeline changed first: what the others' changes may come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def first_changed(
    changed_us: Mapping[str, int], feeds: Mapping[str, Collection[str]], *, slack_us: int = 0
) -> tuple[str, ...]:
    """The steps whose change no step before them explains.

    A step is explained if one that feeds it, directly or through others, changed no later than it
    did. What is found out by the window is known to a window: `slack_us` is how much later an
    earlier step's change may have been noticed.

    Args:
        changed_us: since when each step is not as it was, microseconds since 1970; steps that are
            as they were are left out.
        feeds: by step, the steps whose outputs it takes.
        slack_us: as above, microseconds.

    Returns:
        Those steps, the one that changed first at the front; none if nothing changed.

    Example:
        >>> feeds = {"rank": ["embed", "prices"], "embed": ["clean"]}
        >>> first_changed({"rank": 7, "embed": 5, "clean": 6}, feeds, slack_us=1)
        ('clean',)
        >>> first_changed({"rank": 7, "prices": 9}, feeds)
        ('rank', 'prices')
    """
    explained = {
        step
        for step, since_us in changed_us.items()
        if any(
            changed_us[before] <= since_us + slack_us
            for before in _before(step, feeds)
            if before in changed_us
        )
    }
    first = [step for step in changed_us if step not in explained]
    return tuple(sorted(first, key=lambda step: (changed_us[step], step)))


def _before(step: str, feeds: Mapping[str, Collection[str]]) -> set[str]:
    """All steps that come before one, however many lie between; itself never, even in a loop."""
    found: set[str] = set()
    waiting = list(feeds.get(step, ()))
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += feeds.get(each, ())
    return found - {step}
