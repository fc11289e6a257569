"""Where people decide, a job's answers are said to be the model's alone, and none is looked up."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from fairlead.app.precompute import precompute
from fairlead.app.workspace import Workspace
from fairlead.batch import Job
from fairlead.errors import ConflictError
from fairlead.routing import ROUTES, Automation, Mode
from fairlead.store import Put
from support.batch import rows_of, run
from support.routes import route


def let_decide(home: Path, mode: Mode) -> None:
    space = Workspace(home)
    made = msgspec.structs.replace(route("churn", 1), automation=Automation(mode))
    space.store.commit(Put(ROUTES, ROUTES.key("churn"), made, None))
    space.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows_of(20).write_parquet(tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


@pytest.mark.parametrize(("mode", "which"), [("shadow", "every row"), ("partial", "some rows")])
def test_a_job_notes_that_people_decide(
    home: Path, source: Path, tmp_path: Path, mode: Mode, which: str
) -> None:
    let_decide(home, mode)
    record = run(home, source, tmp_path / "out")
    said = f"People decide {which} of 'churn' (mode '{mode}')"
    assert record.notes == (f"{said}; the answers of this job are the model's alone.",)
    written = msgspec.json.decode((tmp_path / "out" / "_job.json").read_bytes())
    assert written["notes"] == list(record.notes)


def test_it_notes_nothing_where_the_model_decides(home: Path, source: Path, tmp_path: Path) -> None:
    let_decide(home, "full")
    assert run(home, source, tmp_path / "out").notes == ()
    elsewhere = run(home, source, tmp_path / "other", endpoint="elsewhere")
    assert elsewhere.notes == ()


@pytest.mark.parametrize("mode", ["human", "partial"])
def test_nothing_is_made_ahead_where_people_decide(home: Path, source: Path, mode: Mode) -> None:
    let_decide(home, mode)
    space = Workspace(home)
    job = Job(version="churn:1", inputs=(str(source),), output="", key="customer_id", workers=1)
    try:
        with pytest.raises(ConflictError, match=f"People decide at 'churn' .mode '{mode}'"):
            precompute(space, job, lambda _: None)
        assert space.tables.open("precomputed.churn") is None
        assert not (space.home.precomputed / "churn").exists()
    finally:
        space.close()
