"""A version on a device: answers, checked as anywhere, and what was seen, kept in bounded room."""

from fairlead.device.model import DeviceModel
from fairlead.device.opening import load

__all__ = ["DeviceModel", "load"]
