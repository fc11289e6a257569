"""Batch jobs: whole files scored by one version, in chunks that are committed one by one.

A job may be killed anywhere and is run again to go on; its output is there as a whole or not at
all, and its predictions are a part of the prediction log.
"""

from fairlead.batch.engine import Engine, LocalEngine
from fairlead.batch.job import Deliver, Ground, run_job
from fairlead.batch.plan import CHUNK_BYTES, size_chunks
from fairlead.batch.publish import Finished
from fairlead.batch.ray import RayEngine
from fairlead.batch.tabulate import rows_alike, tabulate
from fairlead.batch.types import JOBS, Job, JobRecord, Progress

__all__ = [
    "CHUNK_BYTES",
    "JOBS",
    "Deliver",
    "Engine",
    "Finished",
    "Ground",
    "Job",
    "JobRecord",
    "LocalEngine",
    "Progress",
    "RayEngine",
    "rows_alike",
    "run_job",
    "size_chunks",
    "tabulate",
]
