"""Alerts as people look at them: with their rule in words, and whether anybody is told of them."""

from __future__ import annotations

from typing import Any

import msgspec

from fairlead.alerts import Alert


class ShownAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert, and what else is to know of it.

    Args:
        alert: as it is.
        rule: in words.
        silenced_until_us: until when no word of it is sent, microseconds since 1970; None if it is
            told of.
    """

    alert: Alert
    rule: str
    silenced_until_us: int | None = None

    def fields(self) -> dict[str, Any]:
        """All that is known of it, on one level, for programs."""
        alert = self.alert
        return {
            "name": alert.name,
            "state": alert.state,
            **{name: getattr(alert, name) for name in alert.__struct_fields__},
            "rule_in_words": self.rule,
            "silenced_until_us": self.silenced_until_us,
        }
