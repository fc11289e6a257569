"""The process of one learner; it ends when the controller does.

Started as `python -m fairlead.app.learning.child SOCKET`.
"""

from __future__ import annotations

import errno
import time

from threadpoolctl import threadpool_limits

from fairlead.app.attempt_child import Watch, attend
from fairlead.app.learning.start import AskedLearner
from fairlead.app.learning.versions import WorkspaceVersions
from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError, FairleadError, StorageError
from fairlead.learning import Stopped
from fairlead.learning.labels import LabelLog
from fairlead.learning.tutor import Tutor
from fairlead.logs import tell_error

FULL = (errno.ENOSPC, errno.EDQUOT)
LOOK_S = 0.25
TICK_S = 2.0
"""At least so often it looks, as checkpoints are due by the clock."""


def main() -> None:
    """Entry of the process."""
    attend("online", AskedLearner, _learn)


def _learn(workspace: Workspace, asked: AskedLearner, _: Watch) -> Stopped:
    try:
        with threadpool_limits(limits=1):  # a few rows at a time, that threads only slow
            return _look(workspace, asked)
    except StorageError as error:
        return Stopped(str(error), full=True)
    except ConfigError as error:  # the model cannot learn, and another process could not either
        return Stopped(str(error), again=False)
    except FairleadError as error:
        return Stopped(str(error))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            return Stopped("A disk is full.", full=True)
        # A fault of ours is told of as one.
        tell_error("online_failed", error)
        return Stopped(
            f"It failed with {type(error).__name__}; the log of the platform says where."
        )


def _look(workspace: Workspace, asked: AskedLearner) -> Stopped:
    """Learn for as long as there is something to learn on."""
    store, clock = workspace.store, workspace.clock
    log = LabelLog(store, workspace.blobs, asked.spec.endpoint, clock)
    tutor = Tutor(store, log, WorkspaceVersions(workspace), asked.spec, clock)
    revision, looked_s = -1, float("-inf")
    while True:
        now = store.revision()
        if now != revision or clock.monotonic_s() - looked_s >= TICK_S:
            revision, looked_s = now, clock.monotonic_s()
            stopped = tutor.tick()
            if stopped is not None:
                return stopped
        time.sleep(LOOK_S)


if __name__ == "__main__":
    main()
