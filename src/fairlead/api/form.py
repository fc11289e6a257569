"""Bodies of forms."""

from __future__ import annotations

from urllib.parse import parse_qs

FORM = "application/x-www-form-urlencoded"
FORM_BYTES_MAX = 16_384


def read_form(body: bytes) -> dict[str, str]:
    """The first value of each field of a form; nothing of what is too long or no form.

    Example:
        >>> read_form(b"name=ann&role=&name=bob")
        {'name': 'ann', 'role': ''}
    """
    if len(body) > FORM_BYTES_MAX:
        return {}
    try:
        fields = parse_qs(body.decode("latin-1"), keep_blank_values=True, errors="replace")
    except ValueError:  # too many fields
        return {}
    return {name: values[0] for name, values in fields.items()}
