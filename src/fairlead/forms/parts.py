"""What pages include: markup of the fields, and scripts that read them and show an answer."""

from __future__ import annotations

from pathlib import Path

FORMS = Path(__file__).parent / "parts"
"""`fields.html`, a template that takes `controls`; `fields.js` and `answer.js`, modules."""
