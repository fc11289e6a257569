"""What scripts see of the control plane: a REST API, and the guard before it and the pages."""

from fairlead.api.app import build_api
from fairlead.api.types import Guard, Services, Upstream

__all__ = ["Guard", "Services", "Upstream", "build_api"]
