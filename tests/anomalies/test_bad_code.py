"""Python code of a user that crashes, hangs, lies or leaves things behind."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fairlead.errors import DeadlineError, ModelError
from fairlead.runners import process
from fairlead.runners.python import PythonRunner
from fairlead.signature import Batch, Field, Signature
from fairlead.tracebacks import PACE_S
from support.platform import lives
from support.waiting import PATIENCE_S, until

Make = Callable[..., PythonRunner]

SIGNATURE = Signature(
    inputs=(Field(name="x", kind="number"),), outputs=(Field(name="prediction", kind="number"),)
)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[PythonRunner] = []

    def making(
        body: str, *, timeout_s: float = 10.0, output: Field = SIGNATURE.outputs[0]
    ) -> PythonRunner:
        code = textwrap.indent(textwrap.dedent(body), "        ")
        (tmp_path / "model.py").write_text(
            f"import os, socket, subprocess, sys, time\n"
            f"class Model:\n    def predict(self, batch):\n        x = batch['x']\n{code}\n"
        )
        signature = Signature(inputs=SIGNATURE.inputs, outputs=(output,))
        made.append(PythonRunner(tmp_path, signature, timeout_s=timeout_s))
        return made[-1]

    yield making
    for runner in made:
        runner.close()


def rows(*values: float) -> Batch:
    return Batch(len(values), ("x",), np.array(values).reshape(-1, 1), {})


def answers(runner: PythonRunner, *values: float) -> list[float]:
    return [float(v) for v in runner.predict(rows(*values)).numbers.ravel()]


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 9)", "sys.exit(1)"])
def test_a_crash_costs_its_rows_and_no_more(make: Make, end: str) -> None:
    runner = make(f"if x[0] == 13: {end}\nreturn x")
    assert answers(runner, 1) == [1]
    with pytest.raises(ModelError):
        runner.predict(rows(13))
    assert answers(runner, 2) == [2]


def test_code_that_fails_on_every_batch_does_not_fill_the_log(
    make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    runner, began_s = make("raise KeyError('why')"), time.monotonic()
    for _ in range(50):
        with pytest.raises(ModelError):
            runner.predict(rows(1))
    shown = capfd.readouterr().err.count("KeyError: 'why'")
    assert 1 <= shown <= 1 + (time.monotonic() - began_s) / PACE_S


def test_code_that_hangs_is_ended_and_its_answer_is_never_another_ones(make: Make) -> None:
    runner = make("if x[0] == 13: time.sleep(60)\nreturn x", timeout_s=0.3)
    with pytest.raises(DeadlineError, match=r"0\.3 s"):
        runner.predict(rows(13))
    assert answers(runner, 2) == [2]


def test_an_answer_that_trickles_is_given_up_in_time(make: Make) -> None:
    runner = make(
        """
        if x[0] != 13: return x
        sock = socket.socket(fileno=int(sys.argv[1]))
        sock.sendall((1000).to_bytes(8, "little"))
        while True:
            sock.sendall(b"x")
            time.sleep(0.05)
        """,
        timeout_s=0.4,
    )
    began_s = time.monotonic()
    with pytest.raises(DeadlineError):
        runner.predict(rows(13))
    assert time.monotonic() - began_s < 5
    assert answers(runner, 2) == [2]


@pytest.mark.parametrize("junk", ["b'\\\\xff' * 64", "(5).to_bytes(8, 'little') + b'abcde'"])
def test_junk_on_its_socket_is_no_answer(make: Make, junk: str) -> None:
    runner = make(
        f"if x[0] == 13: socket.socket(fileno=os.dup(int(sys.argv[1]))).sendall({junk})\nreturn x"
    )
    with pytest.raises(ModelError):
        runner.predict(rows(13))
    assert answers(runner, 2) == [2]


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("number", "['no number'] * len(x)"),
        ("number", "x[:-1]"),
        ("number", "{'other': x}"),
        ("number", "{1j}"),
        ("text", "[{'a': 1}] * len(x)"),
        ("text", "['\\ud800'] * len(x)"),
        ("text", "[2**70] * len(x)"),
        ("text", "x.astype(complex)"),
        ("image", "['no bytes'] * len(x)"),
        ("timestamp", "['no time'] * len(x)"),
    ],
)
def test_an_answer_of_another_form_is_refused_and_the_process_lives(
    make: Make, kind: str, answer: str, capfd: pytest.CaptureFixture[str]
) -> None:
    output = Field(name="prediction", kind=kind)  # type: ignore[arg-type]
    runner = make(f"return {answer}", output=output)
    child = runner._process._child
    for _ in range(2):
        with pytest.raises(ModelError):
            runner.predict(rows(1, 2))
    assert runner._process._child is child


def test_a_tensor_may_vary_where_its_signature_says_so(make: Make) -> None:
    output = Field(name="prediction", kind="tensor", shape=(-1, 2))
    runner = make("import numpy as np\nreturn np.ones((len(x), 3, 2))", output=output)
    assert runner.predict(rows(1)).columns["prediction"].shape == (1, 3, 2)


def test_much_that_is_printed_goes_to_the_log_and_blocks_nothing(
    make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    runner = make("print('word ' * 400_000)\nreturn x")
    assert answers(runner, 1) == [1]
    assert "word word" in capfd.readouterr().err


def test_what_it_started_ends_with_it(make: Make, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    runner = make(
        f"pid = subprocess.Popen(['sleep', '600']).pid\n"
        f"open({str(pid_file)!r}, 'w').write(str(pid))\nreturn x"
    )
    assert answers(runner, 1) == [1]
    pid = int(pid_file.read_text())
    assert lives(pid)
    runner.close()
    until(lambda: not lives(pid), "the end of what the code had started")


def test_it_ends_with_its_worker_whatever_it_does(make: Make, tmp_path: Path) -> None:
    runner = make("return x")
    child = runner._process._child
    assert child is not None
    assert child.stdin is not None
    os.kill(child.pid, 19)  # a stopped one ends as soon as it runs again
    child.stdin.close()
    os.kill(child.pid, 18)
    assert child.wait(PATIENCE_S) != 0


def test_a_closed_runner_starts_nothing(make: Make) -> None:
    runner = make("return x")
    runner.close()
    with pytest.raises(ModelError):
        runner.predict(rows(1))
    assert runner._process._child is None


def test_code_that_does_not_load_in_time_leaves_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "LOAD_S_MAX", 0.5)
    (tmp_path / "pid").touch()
    with pytest.raises((ModelError, DeadlineError)):
        make(f"return x\n    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
             f"    time.sleep(60)")  # fmt: skip
    raw = (tmp_path / "pid").read_text()
    assert not raw or not lives(int(raw))
