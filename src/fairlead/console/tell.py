"""What the audit holds, in words."""

from __future__ import annotations

from collections import defaultdict

from fairlead.store import Event

WORDS = {
    "add_user": "added {name} as {role}",
    "alert firing": "saw an alert begin: {subject}",
    "alert pending": "saw what may become an alert: {subject}",
    "alert resolved": "saw an alert end: {subject}",
    "alerts silenced": "silenced alerts of {endpoint}",
    "alerts unsilenced": "ended a silence of alerts of {endpoint}",
    "alias": "pointed {subject} at version {version}",
    "change_password": "gave {name} another password",
    "change_role": "made {name} {role}",
    "create_key": "made the key {name} for {scopes}",
    "job asked": "asked for a run of {subject}",
    "let go": "let go of the bundle of {subject}",
    "publish_link": "published {endpoint} to be tried, as {name}",
    "register": "registered {subject}",
    "remove bundle": "removed the bundle of {subject}",
    "take back": "took back the bundle of {subject}",
    "remove_user": "removed {name}",
    "revoke_key": "revoked the key {name}",
    "revoke_link": "took back the published page {name} of {endpoint}",
    "sign_in": "signed in",
    "end_sessions": "ended the sessions that links began",
    "tag": "tagged {subject}",
    "test_channel": "sent a test through {subject}",
}
_SHOWN = ("reason", "problem")


def describe(event: Event) -> str:
    """What was done, without by whom.

    Example:
        >>> describe(Event(time_us=0, actor="ann", action="remove_user", subject="user/bob",
        ...                detail={"name": "bob"}))
        'removed bob'
        >>> describe(Event(time_us=0, actor="ann", action="release paused", subject="release/a/1"))
        'release paused: a/1'
    """
    subject = event.subject.partition("/")[2] or event.subject
    words = WORDS.get(event.action)
    if words is None:
        return f"{event.action.replace('_', ' ')}: {subject}"
    said = {name: "-" if value is None else str(value) for name, value in event.detail.items()}
    return words.format_map(defaultdict(lambda: "-", said | {"subject": subject}))


def reason_of(event: Event) -> str:
    """Why it was done, if that was said."""
    return next((str(event.detail[name]) for name in _SHOWN if event.detail.get(name)), "")
