"""What pages include: colours, markup of fields, scripts that read them and show an answer."""

from __future__ import annotations

from pathlib import Path

FORMS = Path(__file__).parent / "parts"
"""`look.css`; `fields.html`, a template that takes `controls`; modules `fields.js`, `answer.js`."""
