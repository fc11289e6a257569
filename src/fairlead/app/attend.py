"""What an endpoint needs of a person: decided from what is known of it, in the words to show."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.api.overview import AlertLine, Concern, EndpointState, Level, Underway


def attend(
    alerts: Sequence[AlertLine],
    release: Underway | None,
    *,
    is_answered: bool,
    rate: float | None,
) -> Concern:
    """Say what an endpoint needs.

    Args:
        alerts: of it, the worst first.
        release: under way.
        is_answered: whether any version answers it.
        rate: requests a second; None while that is not known.

    Example:
        >>> attend((), None, is_answered=True, rate=2.0)
        Concern(level='well', why='All is well.', next='', about='')
        >>> attend((), None, is_answered=False, rate=0.0).next
        'Deploy a version to it.'
    """
    firing = [one for one in alerts if one.state == "firing" and not one.silenced]
    if firing:
        first, more = firing[0], len(firing) - 1
        also = f" {more} more alert{'s' if more > 1 else ''} with it." if more else ""
        rule = first.name.partition("/")[2]
        return Concern(
            level="trouble",
            why=f"{rule}: {_sentence(first.reason)}{also}",
            next=_sentence(first.look_at) or "Look at the alert's evidence.",
            about="alert",
        )
    if release is not None and release.state == "asking":
        return Concern(
            level="ask",
            why=f"{release.version} waits for a person: {_sentence(release.reason)}",
            next="Approve the next step, or abort the release.",
            about="release",
        )
    if not is_answered:
        return Concern(
            level="ask", why="Nobody answers it.", next="Deploy a version to it.", about="route"
        )
    if not rate:
        return Concern(level="idle", why="It is not being asked.")
    return Concern(level="well", why="All is well.")


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
        return "trouble", f"The platform itself has a problem: {_sentence(problems[0])}"
    if not endpoints:
        return "idle", "There are no endpoints yet."
    worst = endpoints[0]
    troubled = sum(one.concern.level == "trouble" for one in endpoints)
    match worst.concern.level:
        case "trouble":
            others = f" {troubled - 1} more need it too." if troubled > 1 else ""
            return "trouble", f"{worst.endpoint} needs attention. {worst.concern.why}{others}"
        case "ask":
            return "ask", f"{worst.endpoint} waits for you. {worst.concern.why}"
        case "idle" if all(one.concern.level == "idle" for one in endpoints):
            return "idle", "All is quiet: no endpoint is being asked."
    count = len(endpoints)
    return "well", "All is well." if count == 1 else f"All is well with {count} endpoints."


def _sentence(text: str) -> str:
    """Text that ends as a sentence does; nothing if there is none."""
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."
