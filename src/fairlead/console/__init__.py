"""What people see of the control plane: pages, and one stream of live values."""

from fairlead.console.app import Console, build_console
from fairlead.console.errors import error_page

__all__ = ["Console", "build_console", "error_page"]
