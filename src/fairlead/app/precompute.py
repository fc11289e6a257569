"""Predictions made before anyone asks: a batch job whose answers are published for look-up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from fairlead.app.automating import mode_of
from fairlead.app.batch import run_batch
from fairlead.app.workspace import Workspace
from fairlead.batch import Finished, Job, JobRecord, Progress, rows_alike, tabulate
from fairlead.errors import ConflictError, InputError, NotFoundError
from fairlead.locks import hold
from fairlead.names import check_name
from fairlead.precomputed import Precomputed, about, table_of
from fairlead.registry import Version

UNFINISHED = ".incomplete"
Tell = Callable[[Progress], None]


def precompute(workspace: Workspace, job: Job, tell: Tell) -> JobRecord:
    """Score rows, and publish the answers for look-up in place of those that were there.

    Killed anywhere it is run again to go on; until all is done the former answers are looked up.
    A run that was left unfinished over other rows, or for another version, is forgotten.

    Args:
        workspace: that has the version, and the table.
        job: what is to be scored, and by which key it is found; its output is chosen here. One
            that has a name is done once: it goes on with, or gives back, what was done under this
            name. A version that is named without a number or alias is the one that answers the
            endpoint of that name now, or else the latest.
        tell: is told how far it is.

    Returns:
        The job's record; `_rejects.jsonl` in its output says which rows were set aside, and why.

    Raises:
        ConfigError: there is no such column, or it holds neither texts nor integers.
        InputError: a key is missing, or stands twice.
        ConflictError: people decide at the endpoint, which is not answered by look-ups then.
        FairleadError: as `run_batch` has it.
    """
    version = _version(workspace, job.version)
    endpoint = job.endpoint or version.model
    check_name(endpoint, "endpoint")
    _check_mode(workspace, endpoint)
    job = replace(job, version=version.name, endpoint=endpoint, keep=(job.key,))
    with _held(workspace.home.precomputed / endpoint, endpoint) as folder:
        deliver = _publishing(workspace, version, endpoint, job.key)
        record = _run(workspace, job, folder, deliver, tell)
        _sweep(folder, Path(record.output))
    return record


def _check_mode(workspace: Workspace, endpoint: str) -> None:
    """Refuse to make answers ahead for callers whom the model alone may not answer.

    Raises:
        ConflictError: it may not.
    """
    mode = mode_of(workspace, endpoint)
    if mode != "full":
        raise ConflictError(
            f"People decide at '{endpoint}' (mode '{mode}'): no predictions are looked up there.",
            hint=f"Say 'fairlead automation {endpoint} full' first, or score rows with "
            "'fairlead batch'.",
        )


def _version(workspace: Workspace, named: str) -> Version:
    if ":" not in named and "@" not in named:
        try:
            arms = workspace.route(named).arms
        except NotFoundError:
            arms = ()
        named = next((arm.version.name for arm in arms if arm.role == "stable"), named)
    return workspace.registry.resolve(named)


def _run(
    workspace: Workspace,
    job: Job,
    folder: Path,
    deliver: Callable[[Finished], None],
    tell: Tell,
) -> JobRecord:
    """Go on with the run that was left unfinished, if it is this one; else begin."""
    for left in sorted(folder.glob(f"{job.name or '*'}{UNFINISHED}")):
        try:
            output = left.with_name(left.name.removesuffix(UNFINISHED))
            return run_batch(workspace, _named(job, output), tell, deliver)
        except ConflictError:
            shutil.rmtree(left, ignore_errors=True)
    output = folder / (job.name or f"{workspace.clock.now_us():016d}")
    return run_batch(workspace, _named(job, output), tell, deliver)


def _named(job: Job, output: Path) -> Job:
    """A run of its own, whose predictions have ids of their own."""
    return replace(job, name=f"precompute {output.name}", output=str(output))


def _publishing(
    workspace: Workspace, version: Version, endpoint: str, key: str
) -> Callable[[Finished], None]:
    outputs = version.signature.outputs

    def publish(finished: Finished) -> None:
        made_us = finished.plan.begun_us
        told = Precomputed(
            version=version.name, digest=version.digest, made_us=made_us, key=key, outputs=outputs
        )
        try:
            workspace.tables.publish(
                table_of(endpoint),
                ("prediction_id", *(field.name for field in outputs)),
                tabulate(finished, key, outputs),
                workspace.clock.now_us(),
                about=about(told),
            )
        except InputError as error:
            raise rows_alike(finished, key) or error from None

    return publish


def _sweep(folder: Path, output: Path) -> None:
    """Remove what earlier runs left, and of this one the answers: table and log hold them."""
    for path in folder.iterdir():
        if path.is_dir() and path != output:
            shutil.rmtree(path, ignore_errors=True)
    for path in output.iterdir():
        if not path.name.startswith("_"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _held(folder: Path, endpoint: str) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with hold(folder / "lock"):
            yield folder
    except BlockingIOError:
        raise ConflictError(
            f"Another process precomputes the predictions of '{endpoint}'.", hint="Wait for it."
        ) from None
