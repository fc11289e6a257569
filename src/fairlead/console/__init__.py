"""What people see of the control plane: pages, and one stream of live values."""

from fairlead.console.app import Console, build_console

__all__ = ["Console", "build_console"]
