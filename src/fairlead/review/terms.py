"""How an endpoint's people are asked: what its route says of them."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.review.question import Question, question_of
from fairlead.routing import Route


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked of people, and in which line.

    Args:
        endpoint: whose predictions.
        mode: of the endpoint.
        queue: that its tasks wait in.
        audit: share of the rows that the model decides which a person looks at too.
        question: that is asked.
        media: inputs that are pictures or sound.
    """

    endpoint: str
    mode: str
    queue: str
    audit: float
    question: Question
    media: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether people have anything to do for it."""
        return self.mode != "full" or self.audit > 0.0


def terms_of(route: Route) -> Terms:
    """What a route says of people."""
    fields = route.signature.inputs
    return Terms(
        endpoint=route.endpoint,
        mode=route.automation.mode,
        queue=route.queue,
        audit=route.automation.audit,
        question=question_of(route.signature),
        media=tuple(f.name for f in fields if f.kind in ("image", "audio")),
    )
