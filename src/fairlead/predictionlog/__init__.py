"""The log of every prediction and of what came later under its id."""

from fairlead.predictionlog.frame import encode_feedback, encode_prediction
from fairlead.predictionlog.journal import JournalWriter
from fairlead.predictionlog.types import DecidedBy, FeedbackFrame, Outcome, PredictionFrame, Source

__all__ = [
    "DecidedBy",
    "FeedbackFrame",
    "JournalWriter",
    "Outcome",
    "PredictionFrame",
    "Source",
    "encode_feedback",
    "encode_prediction",
]
