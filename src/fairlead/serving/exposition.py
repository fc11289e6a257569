"""The reply of `/metrics`, in the form that its scraper reads best."""

from __future__ import annotations

from collections.abc import Iterable

from fairlead.serving.message import Response
from fairlead.serving.negotiate import preferred
from fairlead.telemetry import Form, Sample, expose

TEXT = "text/plain"
OPENMETRICS = "application/openmetrics-text"
FORMS: dict[str, tuple[Form, bytes]] = {
    TEXT: ("text", b"text/plain; version=0.0.4; charset=utf-8"),
    OPENMETRICS: ("openmetrics", b"application/openmetrics-text; version=1.0.0; charset=utf-8"),
}


def exposition(samples: Iterable[Sample], accept: bytes | None) -> Response:
    """Write samples for who asked.

    Args:
        samples: in any order.
        accept: the Accept header.
    """
    form, content_type = FORMS[preferred(accept, FORMS, TEXT)]
    return Response(200, expose(samples, form).encode(), content_type)
