"""What an endpoint needs of a person: decided from what is known of it, in the words to show."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.api.overview import AlertLine, Concern, EndpointState, Level, Underway

OVER = "It looks well again by now: the alert ends by itself if that lasts."


def attend(
    alerts: Sequence[AlertLine],
    release: Underway | None,
    *,
    is_answered: bool,
    rate: float | None,
    asking: str = "",
) -> Concern:
    """Say what an endpoint needs.

    Args:
        alerts: of it, the worst first.
        release: under way.
        is_answered: whether any version answers it.
        rate: requests a second; None while that is not known.
        asking: the version of an update that waits for a person's word; empty if none does.

    Example:
        >>> attend((), None, is_answered=True, rate=2.0).what
        'all is well'
        >>> attend((), None, is_answered=False, rate=0.0).next
        'Deploy a version to it.'
    """
    firing = [one for one in alerts if one.state == "firing" and not one.silenced]
    urgent = [one for one in firing if one.holds and one.severity != "digest"]
    if urgent:
        return _of_alerts("trouble", urgent)
    if release is not None and release.state == "asking":
        return Concern(
            level="ask",
            what=f"{release.version} waits for your word",
            why=sentence(release.reason),
            next="Look at the evidence, then approve the next step or abort the release.",
            about="release",
        )
    if asking:
        return Concern(
            level="ask",
            what=f"the update to {asking} waits for your word",
            next="Look at what its gate found, then approve or decline it.",
            about="update",
        )
    if not is_answered:
        return Concern(
            level="ask", what="nobody answers it", next="Deploy a version to it.", about="route"
        )
    if firing:
        return _of_alerts("look", firing)
    if not rate:
        return Concern(level="idle", what="it is not being asked")
    return Concern(level="well", what="all is well")


def headline(endpoints: Sequence[EndpointState], problems: Sequence[str]) -> tuple[Level, str]:
    """The one line at the top: what needs attention and why, or that all is well.

    Args:
        endpoints: worst first.
        problems: of the platform itself.

    Example:
        >>> headline((), ())
        ('idle', 'There are no endpoints yet.')
    """
    if problems:
        return "trouble", f"The platform itself has a problem: {sentence(problems[0])}"
    if not endpoints:
        return "idle", "There are no endpoints yet."
    worst, concern = endpoints[0], endpoints[0].concern
    others = sum(one.concern.level == concern.level for one in endpoints) - 1
    match concern.level:
        case "well":
            return "well", "All is well."
        case "idle":
            return "idle", "All is quiet." if others else "All is quiet: nothing is being asked."
        case _:
            more = f" ({others} more {'is' if others == 1 else 'are'} like it)" if others else ""
            said = f"{worst.endpoint}{more}: {concern.what}. {concern.next}"
            return concern.level, said.strip()


def sentence(text: str) -> str:
    """Text that ends as a sentence does; nothing if there is none."""
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."


def _of_alerts(level: Level, alerts: Sequence[AlertLine]) -> Concern:
    """The first of them, and how many there are beside."""
    first, more = alerts[0], len(alerts) - 1
    also = f", and {more} more alert{'s' if more > 1 else ''}" if more else ""
    return Concern(
        level=level,
        what=first.phrase + also,
        why=sentence(first.reason),
        next=sentence(first.look_at) if first.holds else OVER,
        about="alert",
    )
