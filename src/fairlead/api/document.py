"""What the control plane says of itself as OpenAPI: its errors are ours, and so are its keys."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from fairlead.serving.openapi import KEY_SCHEMES, refused_content

OPEN = ("/health/live", "/health/ready")
KEYED = {401: "There is no valid key.", 403: "The key is not for this.", 429: "Its limit is used."}


class DescribedApi(FastAPI):
    """An application whose document says what it answers when it refuses.

    Args:
        keys: whether callers need one.
    """

    def __init__(self, *, keys: bool) -> None:
        refused = {"content": refused_content()}
        responses: dict[int | str, dict[str, Any]] = {
            "default": {"description": "It is refused; says why.", **refused},
        }
        if keys:
            for status, text in KEYED.items():
                responses[status] = {"description": text, **refused}
        super().__init__(title="Fairlead", docs_url=None, redoc_url=None, responses=responses)
        self._keys = keys

    def openapi(self) -> dict[str, Any]:
        """The document; made once."""
        if self.openapi_schema is None:
            described = super().openapi()
            if self._keys:
                described.setdefault("components", {})["securitySchemes"] = KEY_SCHEMES
                described["security"] = [{name: []} for name in KEY_SCHEMES]
                for path in OPEN:
                    described["paths"][path]["get"]["security"] = []
        return super().openapi()
