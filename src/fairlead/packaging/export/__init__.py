"""From a fitted model to the form in which it is served, and proof that the two are equal."""

from fairlead.packaging.export.folder import export_python
from fairlead.packaging.export.onnx_file import export_onnx
from fairlead.packaging.export.sklearn import export
from fairlead.packaging.export.torch import export_torch
from fairlead.packaging.export.types import Exported, Reference

__all__ = ["Exported", "Reference", "export", "export_onnx", "export_python", "export_torch"]
