"""Attempts at updates, in processes of their own: what comes of good functions, and of bad ones."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from fairlead.app.catalogue import WorkspaceCatalogue
from fairlead.app.updating import package
from fairlead.cli.main import cli
from fairlead.updates.classify import classify
from fairlead.updates.types import Broken, Cause, DataSpec, Doing, Done, Limits
from support.platform import lives
from support.updating import Ground, add_plain, ended, make_ground
from support.waiting import until

GOOD = '''
"""Fits what the tests' models are."""
import fairlead
from helping import columns
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

def pipeline():
    prepare = make_column_transformer(
        (StandardScaler(), ["age", "visits"]),
        (OneHotEncoder(handle_unknown="ignore"), ["plan"]),
    )
    return make_pipeline(prepare, LogisticRegression())

def pandas(data, previous, params):
    assert previous is None and params == {"C": 2.0}
    print("I am", "at work")
    fairlead.progress(0.25)
    frame = data.to_pandas()
    return pipeline().set_params(logisticregression__C=params["C"]).fit(
        frame[columns], frame["label"]
    )

def polars(data, previous, params):
    return pipeline().fit(data[columns], data["label"])

def with_rows(data, previous, params):
    frame = data.to_pandas()
    return pipeline().fit(frame[columns], frame["label"]), frame[columns]

def matrix(data, previous, params):
    X, y = data[["x0", "x1"]].to_numpy(), data["label"].to_numpy()
    return SGDClassifier(loss="log_loss", random_state=2).fit(X, y)

def further(data, previous, params):
    previous.partial_fit(data[["x0", "x1"]].to_numpy(), data["label"].to_numpy())
    return previous

def other_columns(data, previous, params):
    frame = data.select("age", extra="visits").to_pandas()
    return LogisticRegression().fit(frame, data["label"].to_numpy()), frame
'''
BAD = '''
"""Fits nothing."""
import os, subprocess, sys, time

def raises(data, previous, params):
    raise ValueError("of Mary Miller")

def exits(data, previous, params):
    sys.exit(3)

def dies(data, previous, params):
    os._exit(3)

def hangs(data, previous, params):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print("child", child.pid)
    time.sleep(600)

def eats_at_once(data, previous, params):
    return bytearray(2 << 30)

def eats(data, previous, params):
    code = "import time; held = bytearray(b'x') * (200 << 20); print('held'); time.sleep(600)"
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    time.sleep(600)

def prints(data, previous, params):
    for _ in range(40_000):
        print("x" * 99)
    print("the end")

def nothing(data, previous, params):
    return None

def unfitted(data, previous, params):
    from sklearn.linear_model import LogisticRegression
    return LogisticRegression()
'''


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("updating")
    ground = make_ground(folder)
    add_plain(ground)
    ground.write("helping", 'columns = ["age", "visits", "plan"]\n')
    ground.write("good", GOOD)
    ground.write("bad", BAD)
    ground.write("needy", "import no_such_library\n\ndef train(data, previous, params): ...\n")
    yield ground
    ground.workspace.close()


def versions(ground: Ground, model: str = "churn") -> int:
    return len(ground.workspace.registry.versions(model))


def test_a_function_fits_and_its_version_knows_where_it_came_from(ground: Ground) -> None:
    cause = Cause(kind="drift", time_us=1, name="churn/drift/age", reason="Age moved.")
    told, log = ground.ran("good:pandas", id="pandas", causes=(cause,), params={"C": 2.0})
    assert isinstance(told, Done), told
    assert "I am at work" in log
    version = ground.workspace.registry.resolve(told.made.candidate)
    facts = version.lineage.update
    assert facts is not None
    assert (version.model, version.registered_by) == ("churn", "update churn/pandas")
    assert (facts.name, facts.mode, facts.causes) == ("churn/pandas", "scratch", ("Age moved.",))
    assert facts.learnt == told.made.learnt
    assert (facts.learnt.train.rows, facts.learnt.holdout.rows) == (450, 150)
    assert told.made.change == "model"  # of the version before no code is known
    assert told.made.train_us > 0
    assert told.made.judgement.findings
    champion = ground.workspace.registry.resolve("churn:1")
    assert version.lineage.parent == champion.digest
    fields = {f.name: (f.kind, f.missing) for f in version.signature.inputs}
    assert fields == {f.name: (f.kind, f.missing) for f in champion.signature.inputs}
    assert ground.left_over() == []
    home = str(ground.workspace.home.path)
    shown = CliRunner().invoke(cli, ["--home", home, "show", version.name]).output
    assert "churn/pandas, a model update: no update made the version before" in shown
    assert "because     Age moved." in shown
    compared = WorkspaceCatalogue(ground.workspace).compare("churn", 1, version.number)
    told_of = {fact.name: fact.right for fact in compared.facts}
    assert told_of["trained"] == "from scratch"
    assert told_of["learnt from"].startswith("450 rows, ")


def test_one_that_was_killed_when_it_had_registered_does_not_do_so_again(ground: Ground) -> None:
    process, lines = ground.begin("good:polars", id="killed"), [""]
    until(lambda: process.look() == Doing("evaluate") or ended(process, lines), "its version")
    os.kill(process.pid, signal.SIGKILL)
    process.close()
    ground.free(holder="killed")
    registered = versions(ground)
    made = package.find_made(ground.workspace, "churn", "churn/killed")
    assert made is not None
    told, _ = ground.ran("bad:raises", id="killed")  # which is not asked, therefore
    assert isinstance(told, Done), told
    assert told.made.candidate == made.name
    assert made.lineage.update is not None
    assert told.made.learnt == made.lineage.update.learnt
    assert versions(ground) == registered


def test_training_goes_on_from_the_version_before(ground: Ground) -> None:
    told, _ = ground.ran("good:further", endpoint="plain", id="further", mode="fine-tune")
    assert isinstance(told, Done), told
    version = ground.workspace.registry.resolve(told.made.candidate)
    assert version.lineage.update is not None
    assert version.lineage.update.mode == "fine-tune"
    assert [field.name for field in version.signature.inputs] == ["x0", "x1"]
    one = ground.workspace.registry.resolve("plain:1")
    changed = classify(version.lineage, one.lineage)
    assert changed is not None
    assert changed.change == "model"


def test_a_model_of_other_columns_is_not_registered(ground: Ground) -> None:
    before = (versions(ground), ground.left_over())
    told, _ = ground.ran("good:other_columns")
    assert isinstance(told, Broken)
    assert "'extra' is not among the endpoint's fields" in told.error
    assert not told.again
    assert (versions(ground), ground.left_over()) == before


def test_what_a_function_raises_stays_in_its_log(ground: Ground) -> None:
    told, log = ground.ran("bad:raises")
    assert isinstance(told, Broken)
    assert told.error == "'bad:raises' failed with ValueError at bad.py:6. Its log says more."
    assert told.again
    assert "of Mary Miller" in log
    assert "Traceback" in log


def test_one_that_prints_without_end_and_makes_nothing(ground: Ground) -> None:
    told, log = ground.ran("bad:prints")
    assert isinstance(told, Broken)
    assert told.error.startswith("'bad:prints' gave back no model but NoneType.")
    assert not told.again
    assert "the end" in log


def test_one_that_ends_its_process_is_told_of(ground: Ground) -> None:
    told, _ = ground.ran("bad:dies")
    assert isinstance(told, Broken)
    assert told.error.startswith("The process of the update ended with status 3.")


def test_one_that_hangs_ends_with_all_that_it_started(ground: Ground) -> None:
    process, lines = ground.begin("bad:hangs"), [""]

    def child() -> int | None:
        process.look()
        lines.extend(process.lines())
        return next((int(line.split()[1]) for line in lines if line.startswith("child ")), None)

    started = until(child, "its child")
    process.close()
    until(lambda: not lives(started), "the end of its child")
    lease = "update/churn"
    assert ground.workspace.store.acquire(lease, "2", ground.workspace.clock.now_us(), 1)
    ground.free(holder="2")


@pytest.mark.parametrize("name", ["eats_at_once", "eats"])
def test_one_that_eats_memory_is_ended(ground: Ground, name: str) -> None:
    told, _ = ground.ran(f"bad:{name}", limits=Limits(memory_bytes=700 << 20))
    assert told == Broken(
        "It took more memory than 700 MiB, which 'limits.memory' of the update allows.", again=False
    )


def test_too_few_rows_are_not_learnt_from(ground: Ground) -> None:
    told, _ = ground.ran("bad:raises", data=DataSpec(log="churn", rows_min=451))
    assert isinstance(told, Done)
    assert (told.made.candidate, told.made.judgement.verdict) == ("", "not enough data")
    assert told.made.judgement.needed == 1
    assert "450 labelled rows to learn from" in told.made.judgement.reason
