"""The control plane's loop: one process decides, and calls each controller's tick."""

from fairlead.control.controller import Controller, Tick
from fairlead.control.view import view

__all__ = ["Controller", "Tick", "view"]
