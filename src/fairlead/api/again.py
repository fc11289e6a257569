"""A page that asks for itself once more.

A browser keeps the session back from who follows a link on a page of another site. Asked for by a
page of ours, it sends it.
"""

from __future__ import annotations

from collections.abc import Mapping

AGAIN = (
    '<!doctype html><html lang="en"><title>Fairlead</title>'
    '<meta http-equiv="refresh" content="0"><p><a href="">Go on</a></p>'
)


def is_from_elsewhere(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a page of another site led here."""
    return headers.get(b"sec-fetch-site") == b"cross-site"
