"""Which form a body has, and which form its caller wants: content negotiation of HTTP, decided."""

from __future__ import annotations

import re
from collections.abc import Collection

HEADER_LENGTH_MAX = 1000
_QUALITY = re.compile(r"q=([01](\.\d{0,3})?)", re.ASCII)


def media_type(header: bytes | None) -> str:
    """The type that a Content-Type header names, in lower case and without parameters.

    Example:
        >>> media_type(b"Text/CSV; charset=utf-8"), media_type(None)
        ('text/csv', '')
    """
    if header is None:
        return ""
    return header.partition(b";")[0].strip().lower().decode("latin-1")


def preferred(accept: bytes | None, offered: Collection[str], default: str) -> str:
    """The form of the reply: what the caller wants most of what there is.

    A wildcard stands for `default`, and so does a wish that cannot be met.

    Args:
        accept: the Accept header.
        offered: types that replies can have.
        default: one of them.

    Example:
        >>> offered = ("application/json", "text/csv")
        >>> preferred(b"text/html, text/csv;q=0.9, */*;q=0.1", offered, "application/json")
        'text/csv'
        >>> preferred(b"image/png", offered, "application/json")
        'application/json'
    """
    if accept is None or len(accept) > HEADER_LENGTH_MAX:
        return default
    best, best_quality = default, 0.0
    for wish in accept.decode("latin-1").lower().split(","):
        kind, _, parameters = wish.partition(";")
        kind = default if kind.strip() in ("*/*", "") else kind.strip()
        found = _QUALITY.search(parameters)
        quality = float(found[1]) if found else 1.0
        if kind in offered and quality > best_quality:
            best, best_quality = kind, quality
    return best
