"""A version as a page that answers by itself, offline, on ONNX Runtime's build for browsers."""

from fairlead.export.browser.fetch import fetch_runtime
from fairlead.export.browser.runtime import VERSION, find_runtime
from fairlead.export.browser.write import write_page

__all__ = ["VERSION", "fetch_runtime", "find_runtime", "write_page"]
