"""What people and scripts see of the control plane: a REST API and plain pages."""

from fairlead.api.app import build_api
from fairlead.api.session import Sessions
from fairlead.api.types import Guard, Services, Upstream

__all__ = ["Guard", "Services", "Sessions", "Upstream", "build_api"]
