"""Scores chunks: reads, checks, runs the model, and writes what becomes of the rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.batch.log import log_rows
from fairlead.batch.predict import predict
from fairlead.batch.read import Taken, read_chunk
from fairlead.batch.reject import first_refused, reject_lines
from fairlead.batch.types import Chunk, Form, OnError, Scored
from fairlead.batch.write import answers_frame, id_series, write_part
from fairlead.bundle import Bundle, KeyRing, read_file
from fairlead.bundle.read import open_bundle
from fairlead.errors import (
    InputError,
    Problem,
    StorageError,
)
from fairlead.ids import derive
from fairlead.profiles import REFERENCE, Profile, decode, encode, observe
from fairlead.runners.load import load_runner, replay
from fairlead.signature import Batch, Signature, sift

if TYPE_CHECKING:
    import polars as pl

MODEL_S_MAX = 600.0
PART, LOG, PROFILE, REJECTS = "part", "log", "profile", "rejects"


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a process has to know to score chunks of a job.

    Args:
        bundle: the folder of the bundle.
        keys: the folder of the keys whose signatures are accepted.
        digest: of the bundle.
        version: that answers: `churn:7`.
        endpoint: in whose log the predictions are kept.
        time_us: of the predictions.
        form: of the parts.
        keep: columns that are written beside the answers.
        caller_id: column with the rows' own ids; empty for none.
        unit: column with the key of who each row is about; empty for none.
        on_error: whether a row that does not fit is set aside, or ends the job.
        stride: one row in so many is counted in the profile.
        scratch: the folder that files are written to.
        allow_pickle: whether a pickled payload may be loaded.
    """

    bundle: str
    keys: str
    digest: str
    version: str
    endpoint: str
    time_us: int
    form: Form
    keep: tuple[str, ...]
    caller_id: str
    unit: str
    on_error: OnError
    stride: int
    scratch: str
    allow_pickle: bool


class Scorer:
    """Scores chunks, one after the other, with a model that has proven itself.

    Args:
        work: what it has to know.

    Raises:
        BundleError: the bundle is damaged, or does not reproduce its receipt.
        ModelError: the model cannot be loaded.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        folder, keys = Path(work.bundle), KeyRing(Path(work.keys))
        bundle = open_bundle(folder, keys, expect_digest=work.digest)
        self._signature = selecting(bundle.info.signature)
        self._reference = reference_of(bundle)
        self._runner = load_runner(
            bundle, allow_pickle=work.allow_pickle, python_timeout_s=MODEL_S_MAX
        )
        try:
            replay(self._runner, bundle)
        except BaseException:
            self._runner.close()
            raise

    def close(self) -> None:
        """Free the model."""
        self._runner.close()

    def score(self, chunk: Chunk) -> Scored:
        """Score a chunk, and leave what there is to commit in the scratch folder.

        Raises:
            InputError: a row does not fit, and that ends the job.
            ConfigError: the file is damaged, or has changed.
            ModelError: the model failed, on more than some rows.
            StorageError: what there is cannot be written.
        """
        work = self._work
        kept = list(dict.fromkeys([*work.keep, *filter(None, (work.caller_id, work.unit))]))
        taken = read_chunk(chunk, self._signature, kept)
        refused = dict(taken.refused)
        places, inputs, answers = self._answer(chunk, taken, refused)
        if refused and work.on_error == "fail":
            raise first_refused(chunk, refused)
        size_bytes = 0
        if inputs is not None and answers is not None:
            kept_rows = taken.kept[places] if taken.kept.width else taken.kept
            size_bytes = self._write(chunk, taken.places[places], kept_rows, inputs, answers)
        if refused:
            lines = reject_lines(chunk, taken, refused, work.keep)
            self._put(chunk, REJECTS, b"".join(lines))
        return Scored(
            chunk=chunk.number, rows=len(places), rejected=len(refused), size_bytes=size_bytes
        )

    def _answer(
        self, chunk: Chunk, taken: Taken, refused: dict[int, tuple[Problem, ...]]
    ) -> tuple[npt.NDArray[np.intp], Batch | None, Batch | None]:
        """Places among the rows that could be read, and inputs and answers, of those answered."""
        try:
            sifted = sift(self._signature, taken.table)
        except InputError as error:
            where = f"{chunk.file.path}, all rows"
            raise InputError(f"{where}: {error.message}", error.problems) from None
        refused |= {int(taken.places[p]): why for p, why in sifted.refused.items()}
        if sifted.batch is None:
            return sifted.places, None, None
        answers, failed = predict(self._runner.predict, sifted.batch)
        if not failed:
            return sifted.places, sifted.batch, answers
        refused |= {
            int(taken.places[sifted.places[row]]): (Problem(str(error)),)
            for row, error in failed.items()
        }
        right = np.array([row not in failed for row in range(sifted.batch.rows)])
        inputs = sifted.batch.take(np.flatnonzero(right)) if right.any() else None
        return sifted.places[right], inputs, answers

    def _write(
        self,
        chunk: Chunk,
        places: npt.NDArray[np.intp],
        kept: pl.DataFrame,
        inputs: Batch,
        answers: Batch,
    ) -> int:
        """Write part, log and profile of rows by their places; gives the size of the part."""
        work, outputs = self._work, self._signature.outputs
        every = id_series(derive(*chunk.seed).some(chunk.piece.start, chunk.piece.rows))
        ids = every[places] if len(places) < len(every) else every
        frame = answers_frame(ids, kept.select(work.keep), outputs, answers)
        part = write_part(frame, work.form)
        self._put(chunk, PART, part)
        callers = kept[work.caller_id] if work.caller_id else None
        units = kept[work.unit] if work.unit else None
        facts = {"time": work.time_us, "endpoint": work.endpoint, "version": work.version}
        self._put(chunk, LOG, log_rows(facts, ids, callers, units, inputs, answers))
        if self._reference is not None:
            some = slice(-chunk.piece.start % work.stride, None, work.stride)
            seen = observe(self._reference, inputs.take(some), answers.take(some))
            self._put(chunk, PROFILE, encode(seen))
        return len(part)

    def _put(self, chunk: Chunk, what: str, content: bytes) -> None:
        path = scratch_file(Path(self._work.scratch), chunk.number, what)
        try:
            with path.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise unwritten(path, error) from error


def scratch_file(folder: Path, number: int, what: str) -> Path:
    """Where a chunk's file lies until it is committed."""
    return folder / f"{number:06d}.{what}"


def unwritten(path: Path, error: OSError) -> StorageError:
    """That a file of a job cannot be written."""
    return StorageError(
        f"{path} cannot be written: {error.strerror}.",
        hint="Make room, or see who may write there; then run the job again to go on.",
    )


def selecting(signature: Signature) -> Signature:
    """A signature that passes over columns which it does not know: tables have many."""
    return msgspec.structs.replace(signature, extra="ignore")


def reference_of(bundle: Bundle) -> Profile | None:
    """The profile of a bundle's reference rows; None if it has none."""
    if not (bundle.path / REFERENCE).exists():
        return None
    return decode(read_file(bundle, REFERENCE))
