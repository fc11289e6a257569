"""Whether any server keeps the Open Inference Protocol over HTTP, asked through its own door."""

from fairlead.conformance.run import run
from fairlead.conformance.types import Outcome

__all__ = ["Outcome", "run"]
