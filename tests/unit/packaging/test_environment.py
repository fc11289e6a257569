"""Where a version comes from: digests that depend on values alone, packages, git."""

from __future__ import annotations

import os
import platform
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fairlead.errors import ConfigError
from fairlead.packaging.environment import code_facts, data_digest, environment
from fairlead.signature import Batch

Values = npt.NDArray[Any]


def objects(values: list[Any]) -> Values:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def batch(**columns: Any) -> Batch:
    rows = len(next(iter(columns.values())))
    return Batch(rows, (), np.empty((rows, 0)), columns)


def digest(values: Any) -> str:
    return data_digest(batch(x=values))


SCALARS = st.one_of(st.none(), st.text(max_size=3), st.binary(max_size=3), st.booleans(),
                    st.integers(), st.floats(allow_nan=False))  # fmt: skip


@given(st.lists(SCALARS, max_size=4), st.lists(SCALARS, max_size=4))
def test_only_equal_columns_share_a_digest(one: list[Any], other: list[Any]) -> None:
    def typed(values: list[Any]) -> list[tuple[type, Any]]:
        return [(type(value), value) for value in values]

    same = digest(objects(one)) == digest(objects(other))
    assert same == (typed(one) == typed(other))


def test_the_digest_is_frozen() -> None:
    """Versions that were packaged long ago are compared with it: it must never change."""
    numbers = np.array([[1.5, np.nan], [-0.0, 3.0]])
    frozen = Batch(2, ("a", "b"), numbers, {
        "text": objects(["é", None]),
        "at": np.array(["2026-01-01", "NaT"], dtype="datetime64[us]"),
        "picture": np.arange(4, dtype=np.uint8).reshape(2, 2),
    })  # fmt: skip
    expected = "55d5ef57c4b2e4cd218f0ac47c43459c192fec85adb233d0b6ccfe19e50baa3f"
    assert data_digest(frozen) == expected


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "u2", "M8[us]"])
def test_memory_layout_and_byte_order_do_not_count(dtype: str) -> None:
    plain = np.arange(24).reshape(4, 6).astype(dtype)
    expected = digest(plain)
    assert digest(np.asfortranarray(plain)) == expected
    assert digest(plain.astype(np.dtype(dtype).newbyteorder(">"))) == expected
    assert digest(np.repeat(plain, 2, axis=1)[:, ::2]) == expected
    assert digest(plain[::-1][::-1]) == expected
    assert digest(plain.T.reshape(4, 6)) != expected


def test_the_order_of_columns_does_not_count_and_that_of_rows_does() -> None:
    numbers = np.array([[1.0, 2.0], [3.0, 4.0]])
    one = Batch(2, ("a", "b"), numbers, {"c": objects(["x", "y"]), "d": objects(["z", "z"])})
    other = Batch(2, ("b", "a"), numbers[:, ::-1], dict(reversed(list(one.columns.items()))))
    assert data_digest(one) == data_digest(other)
    assert data_digest(one.take(np.array([1, 0]))) != data_digest(one)


def test_missing_numbers_are_one_value_whatever_their_bits() -> None:
    bits = np.array([0x7FF8000000000000, 0xFFF8000000000001], dtype=np.uint64).view(np.float64)
    assert digest(bits[:1]) == digest(bits[1:])
    assert digest(objects([bits[0]])) == digest(objects([float("-nan")]))
    negative = struct.unpack("<d", struct.pack("<Q", 0xFFF8000000000001))[0]
    assert digest(objects([negative])) == digest(objects([float("nan")]))


def test_zero_has_no_sign() -> None:
    assert digest(np.array([0.0, 1.0])) == digest(np.array([-0.0, 1.0]))
    assert digest(objects([0.0])) == digest(objects([-0.0]))


def test_neighbours_do_not_run_into_each_other() -> None:
    assert digest(objects(["ab", "c"])) != digest(objects(["a", "bc"]))
    assert digest(objects(["1"])) != digest(objects([1]))
    assert digest(objects([1])) != digest(objects([True]))
    assert data_digest(batch(a=objects(["x"]))) != data_digest(batch(b=objects(["x"])))
    assert digest(np.ones((2, 3))) != digest(np.ones((2, 3, 1)))
    assert digest(np.zeros(2)) != digest(np.zeros(2, dtype=np.int64))


def test_arrays_within_objects_count_by_their_values() -> None:
    one = objects([np.arange(3.0), np.arange(2.0)])
    assert digest(one) == digest(objects([np.arange(6.0)[::2] / 2, np.arange(2.0)]))
    assert digest(one) != digest(objects([np.arange(2.0), np.arange(3.0)]))


def test_text_that_is_no_unicode_has_a_digest() -> None:
    assert digest(objects(["\ud800"])) != digest(objects(["\udfff"]))


@pytest.mark.parametrize("values", [objects([{}]), objects([object()]), np.ones(1, complex)])
def test_objects_without_plain_bytes_are_refused(values: Values) -> None:
    with pytest.raises(ConfigError, match="Field x"):
        digest(values)


def test_a_batch_of_no_rows_has_a_digest() -> None:
    assert len(digest(np.empty(0))) == 64
    assert digest(np.empty(0)) != digest(np.zeros(1))


class Own:
    """A class of no installed package."""


@pytest.mark.parametrize("model", [None, Path("model.onnx"), Own(), LogisticRegression])
def test_the_environment_always_names_what_bundles_are_made_with(model: Any) -> None:
    found = environment(model)
    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert found["scikit-learn"] == sklearn.__version__
    assert {"onnx", "onnxruntime", "skl2onnx", "skops"} <= found.keys()


def test_the_environment_names_packages_of_steps_within() -> None:
    hypothesis_class = type(st.integers())
    model = make_pipeline(StandardScaler(), LogisticRegression())
    assert "hypothesis" not in environment(model)
    model.steps.append(("odd", hypothesis_class.__new__(hypothesis_class)))
    assert "hypothesis" in environment(model)


def git(folder: Path, *arguments: str) -> str:
    named = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *named, "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "train.py").write_text("one\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    return folder


def test_a_revision_is_changed_once_a_tracked_file_is(repository: Path) -> None:
    facts = code_facts(repository)
    assert facts is not None
    assert (facts.revision, facts.changed) == (git(repository, "rev-parse", "HEAD"), False)
    (repository / "data.csv").write_text("1\n")
    assert code_facts(repository) == facts
    (repository / "train.py").write_text("two\n")
    changed = code_facts(repository / "train.py")
    assert changed is not None
    assert changed.changed
    assert changed.revision == facts.revision


def test_a_hooks_environment_names_no_other_repository(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = code_facts(repository)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert expected is not None
    assert code_facts(repository) == expected


def test_a_repository_starts_no_program_of_its_own(repository: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o700)
    git(repository, "config", "core.fsmonitor", str(program))
    assert code_facts(repository) is not None
    assert not (tmp_path / "started").exists()


def test_without_a_revision_there_are_no_facts(tmp_path: Path) -> None:
    assert code_facts(tmp_path) is None
    assert code_facts(tmp_path / "nowhere" / "model.onnx") is None
    git(tmp_path, "init", "--quiet")
    assert code_facts(tmp_path) is None


@pytest.mark.parametrize("script", ["sleep 30", "exit 3", r"printf '\377'"])
def test_a_git_that_does_not_answer_gives_no_facts(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(
        f"#!/bin/sh\nexec {script}\n" if "sleep" in script else f"#!/bin/sh\n{script}\n"
    )
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("fairlead.packaging.environment.GIT_TIMEOUT_S", 0.3)
    assert code_facts(repository) is None


def test_without_git_there_are_no_facts(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert code_facts(repository) is None
