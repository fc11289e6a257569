"""What people and scripts see of the control plane: a REST API and plain pages."""

from fairlead.api.app import build_api
from fairlead.api.types import Guard, Services

__all__ = ["Guard", "Services", "build_api"]
