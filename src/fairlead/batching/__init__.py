"""Micro-batching without a timer: what arrived while a batch ran, runs together."""

from fairlead.batching.batcher import Batcher
from fairlead.batching.lane import Lane
from fairlead.batching.policy import take

__all__ = ["Batcher", "Lane", "take"]
