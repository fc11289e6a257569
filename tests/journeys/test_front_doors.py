"""The ways in: the demo, the notebook, the help, the doctor, detached platforms."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fairlead
from support.models import churn_model, customers, package_churn
from support.platform import ask
from support.platform import fairlead as run
from support.waiting import PATIENCE_S

HEAVY = ("numpy", "polars", "pandas", "sklearn", "onnx", "onnxruntime", "fastapi", "rich", "uvloop")


@pytest.mark.slow
def test_the_demo_answers_real_rows_and_ends(tmp_path: Path) -> None:
    home = tmp_path / ".fairlead"
    said = run(home, "demo", "--once", "--port=0", "--control-port=0")
    answered = re.search(r"(\d+) rows answered, ([\d.]+)% as", said)
    assert answered is not None, said
    assert int(answered[1]) >= 300
    assert float(answered[2]) > 90
    for word in ("API ", "OpenAPI ", "Try it "):
        assert word in said
    logged = fairlead.read("tumour", home=home).collect()
    assert logged.height == int(answered[1])
    assert logged["label"].null_count() == 0
    assert not (home / "run" / "addresses.json").exists()


@pytest.mark.slow
def test_a_notebook_serves_a_model_in_one_call(tmp_path: Path) -> None:
    frame, left = customers(100)
    served = fairlead.serve(
        churn_model(frame, left), frame, left, name="churn", home=tmp_path / ".fairlead",
        port=0, control_port=0,
    )  # fmt: skip
    try:
        answers = served.predict(frame[:3])
        assert list(answers["version"]) == ["churn:1"] * 3
        assert served.url.endswith("/v1/endpoints/churn/predict")
        page = ask(served.try_url.partition("/try")[0], "/try/churn")
        assert page.status == 200
        assert served.try_url in served._repr_html_()
        assert repr(served) == f"<churn:1 answers at {served.url}; try it: {served.try_url}>"
        assert repr(served.version).startswith("<churn:1: scikit-learn")
        frame, left = customers(100, seed=3)
        again = fairlead.serve(
            churn_model(frame, left), frame, left, name="churn", home=tmp_path / ".fairlead"
        )
        assert (again.version.name, again.url) == ("churn:2", served.url)
        assert again.predict({"age": 30, "visits": 2})["version"] == "churn:2"
    finally:
        served.stop()


@pytest.mark.slow
def test_a_detached_platform_is_stopped_by_name(tmp_path: Path) -> None:
    home = tmp_path / ".fairlead"
    package_churn(home)
    said = run(home, "up", "churn:1", "--detach", "--port=0", "--control-port=0", "--workers=1")
    try:
        again = run(home, "up", "--detach", "--port=0", "--control-port=0", status=1)
        assert "A platform is already running at this home." in again
        url = re.search(r"API\s+(\S+)", said)
        assert url is not None
        assert ask(url[1], "/health/ready").status == 200
    finally:
        assert "Stopped" in run(home, "stop")
    assert "Nothing is running" in run(home, "stop", status=1)
    assert "Nothing is running" in run(home, "deploy", "churn:1", status=1)


@pytest.mark.parametrize(
    ("barred", "arguments"),
    [
        ("keys", ["package", "{folder}", "--name=m", "--reference={reference}"]),
        ("cache", ["package", "{folder}", "--name=m", "--reference={reference}"]),
        ("journals", ["predictions", "churn"]),
        ("run", ["up", "--port=0", "--control-port=0"]),
        ("run", ["up", "--detach", "--port=0", "--control-port=0"]),
        ("run/lock/", ["up", "--port=0", "--control-port=0"]),
        ("run/fairlead.log/", ["up", "--detach", "--port=0", "--control-port=0"]),
        ("blobs", ["doctor"]),
    ],
    ids=lambda v: v[0] if isinstance(v, list) else v.strip("/"),
)
def test_a_home_that_cannot_be_written_is_an_error_in_words(
    tmp_path: Path, barred: str, arguments: list[str]
) -> None:
    home, folder, reference = (tmp_path / name for name in ("home", "model", "rows.csv"))
    reference.write_text("x\n1\n2\n")
    folder.mkdir()
    (folder / "model.py").write_text(
        "class Model:\n    def predict(self, batch):\n        return batch['x']\n"
    )
    home.mkdir()
    if barred.endswith("/"):
        (home / barred).mkdir(parents=True)
    else:
        (home / barred).write_text("in the way")
    command = [word.format(folder=folder, reference=reference) for word in arguments]
    finished = subprocess.run(
        [sys.executable, "-m", "fairlead", "--home", str(home), *command],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    said = finished.stdout + finished.stderr
    assert finished.returncode == 1, said
    assert "Traceback" not in said
    assert str(home) in said
    assert "Error: " in said or "Problem: " in said


def test_a_platform_listens_beyond_the_machine_only_if_told_to(tmp_path: Path) -> None:
    refused = run(tmp_path / ".fairlead", "up", "--host=0.0.0.0", "--port=0", status=1)
    assert "--insecure" in refused


def test_the_doctor_tells_what_is_there(tmp_path: Path) -> None:
    said = run(tmp_path / ".fairlead", "doctor")
    assert "onnxruntime" in said
    assert "All is well" in said


@pytest.mark.parametrize("argument", ["import fairlead", "--help"])
def test_little_is_imported_before_it_is_needed(argument: str) -> None:
    starts = {
        "import fairlead": "import fairlead",
        "--help": "import fairlead.cli.main as m; m.cli.main(['--help'], standalone_mode=False)",
    }
    code = f"import sys; {starts[argument]}; print(*sys.modules, file=sys.stderr)"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert set(HEAVY) & set(finished.stderr.split()) == set()


def test_notebook_and_shell_find_the_same_home(tmp_path: Path) -> None:
    (tmp_path / "fairlead.toml").write_text("[server]\nworkers = 1\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    environment = {k: v for k, v in os.environ.items() if k != "FAIRLEAD_HOME"}
    found = [
        subprocess.run(
            [sys.executable, *arguments], cwd=below, env=environment, capture_output=True,
            text=True, check=True,
        ).stdout.strip()
        for arguments in (
            ["-m", "fairlead", "home"],
            ["-c", "from fairlead.app.home import find_home; print(find_home().path)"],
        )
    ]  # fmt: skip
    assert found == [str(tmp_path / ".fairlead")] * 2


def test_settings_are_shown_with_where_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "fairlead.toml").write_text('[endpoint.churn]\nlog_full = "stop"\n')
    shown = run(tmp_path / ".fairlead", "config", "show")
    assert re.search(r"endpoint\.churn\.log_full\s+stop\s+fairlead\.toml", shown)
    assert re.search(r"server\.port\s+8080\s+default", shown)


def test_the_store_is_named_by_url(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "fairlead.toml").write_text(
        f'[server]\nstore = "sqlite://{elsewhere}/s.db"\nblobs = "file://{elsewhere}/blobs"\n'
    )
    package_churn(tmp_path / ".fairlead")
    assert (elsewhere / "s.db").exists()
    assert list((elsewhere / "blobs").rglob("*.fairlead"))
    assert "churn:1" in run(tmp_path / ".fairlead", "models")
    (tmp_path / "fairlead.toml").write_text('[server]\nstore = "redis://x"\n')
    assert "sqlite:" in run(tmp_path / ".fairlead", "models", status=1)
