"""A batch job on a home's version, files and log."""

from __future__ import annotations

import os
from collections.abc import Callable

from fairlead.app.automating import mode_of
from fairlead.app.workspace import Workspace
from fairlead.batch import (
    CHUNK_BYTES,
    Deliver,
    Ground,
    Job,
    JobRecord,
    LocalEngine,
    Progress,
    RayEngine,
    run_job,
    size_chunks,
)

WORKERS_MAX = 10_000
"""Of a cluster, that memory alone is to bound."""


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
    chunk_bytes, engine = _engine_of(job)
    ground = Ground(
        registry=workspace.registry,
        bundles=workspace.bundles,
        store=workspace.store,
        blobs=workspace.blobs,
        keys=workspace.home.keys,
        clock=workspace.clock,
        notes=_notes(workspace, job),
    )
    with engine:
        return run_job(job, ground, engine, chunk_bytes, tell, deliver)


def _notes(workspace: Workspace, job: Job) -> tuple[str, ...]:
    """That people decide at the endpoint, where a job's answers could be taken for decisions."""
    endpoint = job.endpoint or job.version.partition(":")[0].partition("@")[0]
    mode = mode_of(workspace, endpoint)
    if mode == "full":
        return ()
    which = "some rows" if mode == "partial" else "every row"
    said = f"People decide {which} of '{endpoint}' (mode '{mode}')"
    return (f"{said}; the answers of this job are the model's alone.",)


def _engine_of(job: Job) -> tuple[int, LocalEngine | RayEngine]:
    """Bytes of a chunk, and where it is scored."""
    on_ray = job.engine == "ray"
    elsewhere = on_ray and bool(job.ray_address)
    if elsewhere and not job.memory_mb:
        return CHUNK_BYTES, RayEngine(job.workers, job.ray_address)
    memory_bytes = job.memory_mb * 1_000_000 or _half_of_memory_bytes()
    wanted = job.workers or (WORKERS_MAX if elsewhere else _cores())
    chunk_bytes, workers = size_chunks(memory_bytes, wanted)
    if on_ray:
        return chunk_bytes, RayEngine(workers, job.ray_address)
    return chunk_bytes, LocalEngine(workers)


def _half_of_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _cores() -> int:
    """Those that this process may use."""
    known = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
