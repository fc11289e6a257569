"""Evidently's drift of all columns, as its preset has it.

python evidently_drift.py FOLDER
"""

import os
import sys
import warnings
from pathlib import Path

os.environ["DO_NOT_TRACK"] = "1"
warnings.simplefilter("ignore")

from evidently import DataDefinition, Dataset, Report  # noqa: E402
from evidently.presets import DataDriftPreset  # noqa: E402
from tables import frames, report  # noqa: E402

REFERENCE, WINDOW = frames(Path(sys.argv[1]))


def run() -> None:
    numbers = [name for name in WINDOW.columns if name.startswith("n")]
    texts = [name for name in WINDOW.columns if name.startswith("c")]
    kinds = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
    current, reference = (
        Dataset.from_pandas(frame, data_definition=kinds) for frame in (WINDOW, REFERENCE)
    )
    found = Report([DataDriftPreset()]).run(current, reference).dict()
    assert found["metrics"]


if __name__ == "__main__":
    report("evidently", len(WINDOW), run)
