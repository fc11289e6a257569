"""The process of one attempt at a scheduled job; it ends when the controller does.

Started as `python -m fairlead.app.job_child SOCKET`.
"""

from __future__ import annotations

import time

from fairlead.app.attempt_child import Watch, attend
from fairlead.app.batch import run_batch
from fairlead.app.jobs import AskedJob
from fairlead.app.precompute import precompute
from fairlead.app.workspace import Workspace
from fairlead.batch import Progress
from fairlead.errors import FairleadError
from fairlead.logs import tell_error
from fairlead.schedules import Completed, Failed, Going

TELL_S = 0.5
"""Between two words of how far it is."""


def main() -> None:
    """Entry of the process."""
    attend("job", AskedJob, _do)


def _do(workspace: Workspace, asked: AskedJob, watch: Watch) -> Completed | Failed:
    told_s = float("-inf")

    def tell(progress: Progress) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= TELL_S:
            told_s = time.monotonic()
            answered = progress.done - progress.rejected
            watch.tell(Going(progress.rows, answered, progress.rejected))

    try:
        run = precompute if asked.job.key else run_batch
        record = run(workspace, asked.job, tell)
    except FairleadError as error:
        return Failed(str(error))
    except Exception as error:  # a fault of ours is told of as one
        tell_error("job_failed", error)
        return Failed(f"It failed with {type(error).__name__}; the log of the platform says where.")
    drifted = tuple(moved.field for moved in record.drifted)
    return Completed(record.rows, record.rejected, record.output, drifted, record.notes)


if __name__ == "__main__":
    main()
