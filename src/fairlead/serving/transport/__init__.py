"""How requests come in: bytes, scopes and calls to `Request`, `Response` back, within limits."""
