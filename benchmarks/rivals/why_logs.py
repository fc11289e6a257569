"""whylogs: a window's profile, and its drift from that of a reference, which is there already.

python why_logs.py FOLDER
"""

import os
import sys
import warnings
from pathlib import Path

os.environ["WHYLOGS_NO_ANALYTICS"] = "True"
warnings.simplefilter("ignore")

import whylogs  # noqa: E402
from tables import frames, report  # noqa: E402
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores  # noqa: E402

REFERENCE, WINDOW = frames(Path(sys.argv[1]))
BEFORE = whylogs.log(pandas=REFERENCE).view()


def run() -> None:
    view = whylogs.log(pandas=WINDOW).view()
    found = calculate_drift_scores(target_view=view, reference_view=BEFORE, with_thresholds=True)
    assert len(found) == len(WINDOW.columns)


if __name__ == "__main__":
    report("whylogs", len(WINDOW), run)
