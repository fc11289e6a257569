"""A batch job on a home's version, files and log."""

from __future__ import annotations

import os
from collections.abc import Callable

from fairlead.app.workspace import Workspace
from fairlead.batch import (
    Deliver,
    Ground,
    Job,
    JobRecord,
    LocalEngine,
    Progress,
    run_job,
    size_chunks,
)


def run_batch(
    workspace: Workspace,
    job: Job,
    tell: Callable[[Progress], None],
    deliver: Deliver | None = None,
) -> JobRecord:
    """Run a batch job to its end, or go on with it.

    Args:
        workspace: that has the version.
        job: what is to be done.
        tell: is told how far it is.
        deliver: takes the answers elsewhere, too.

    Raises:
        FairleadError: it cannot be done; what is done of it is kept for the next run.
    """
    memory_bytes = job.memory_mb * 1_000_000 or _half_of_memory_bytes()
    chunk_bytes, workers = size_chunks(memory_bytes, job.workers or _cores())
    ground = Ground(
        registry=workspace.registry,
        bundles=workspace.bundles,
        store=workspace.store,
        blobs=workspace.blobs,
        keys=workspace.home.keys,
        clock=workspace.clock,
    )
    with LocalEngine(workers) as engine:
        return run_job(job, ground, engine, chunk_bytes, tell, deliver)


def _half_of_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _cores() -> int:
    """Those that this process may use."""
    known = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
