"""The house style, executed: what a reviewer would otherwise have to say each time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "fairlead"
FILES = sorted(SOURCE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
ROOT_EXPORTS_MAX = 25

PURE_PACKAGES = ("signature", "stats", "routing", "profiles")
PURE_FILES = (
    "decide.py",
    "explain.py",
    "guard.py",
    "reckon.py",
    "take.py",
    "assign.py",
    "assess.py",
    "compare.py",
    "detect.py",
    "merge.py",
    "policy.py",
    "rules.py",
    "types.py",
)
BANNED_CALLS = {
    "time.time", "time.time_ns", "time.monotonic", "time.perf_counter", "time.sleep",
    "datetime.now", "datetime.utcnow", "datetime.datetime.now", "date.today",
    "open", "os.environ", "os.getenv", "print", "input",
}  # fmt: skip
BANNED_MODULES = ("random", "secrets", "logging", "socket", "subprocess", "numpy.random")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_pure(path: Path) -> bool:
    package = path.relative_to(SOURCE).parts[0]
    return package in PURE_PACKAGES or path.name in PURE_FILES


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    documented = ast.get_docstring(function) is not None
    first = function.body[0]
    assert function.end_lineno is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - docstring


@pytest.mark.parametrize("path", [*FILES, *TESTS], ids=relative)
def test_file_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_functions_are_short_enough_to_read(path: Path) -> None:
    tree = ast.parse(path.read_text())
    long = {f.name: body_lines(f) for f in functions(tree) if body_lines(f) > FUNCTION_LINES_MAX}
    assert not long


@pytest.mark.parametrize("path", [p for p in FILES if is_pure(p)], ids=relative)
def test_pure_modules_touch_nothing_outside(path: Path) -> None:
    tree = ast.parse(path.read_text())
    used = {
        ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)
    }
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom)
            else []
        )
    }  # fmt: skip
    assert not used & BANNED_CALLS
    assert not [name for name in imported if name.startswith(BANNED_MODULES)]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_nothing_is_imported_from_the_package_root(path: Path) -> None:
    tree = ast.parse(path.read_text())
    roots = [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and node.module == "fairlead")
        or (isinstance(node, ast.Import) and any(a.name == "fairlead" for a in node.names))
    ]
    assert not roots or path == SOURCE / "cli" / "main.py"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_no_module_is_dead() -> None:
    """Every module is named by another one, by a string that starts it, or is a front door."""
    texts = {path: path.read_text() for path in FILES}
    doors = {"__init__", "__main__"}
    dead = []
    for path in FILES:
        if path.stem in doors:
            continue
        dotted = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        package, _, name = dotted.rpartition(".")
        pattern = re.compile(
            rf"{re.escape(dotted)}\b|from {re.escape(package)} import [^\n]*\b{name}\b"
        )
        others = (text for other, text in texts.items() if other != path)
        if not any(pattern.search(text) for text in others):
            dead.append(relative(path))
    entry_points = (ROOT / "pyproject.toml").read_text()
    assert not [d for d in dead if d[4:-3].replace("/", ".") not in entry_points]


def test_root_exports_are_few_and_sorted() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    exported = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    ]
    assert len(exported) == 1
    assert exported[0] == sorted(exported[0])
    assert len(exported[0]) <= ROOT_EXPORTS_MAX


def test_no_unfinished_work_is_left_in_the_source() -> None:
    pattern = re.compile(r"\b(TODO|FIXME|XXX)\b|raise NotImplementedError")
    found = [relative(p) for p in FILES if pattern.search(p.read_text())]
    assert not found


def test_no_two_files_of_tests_have_one_name() -> None:
    """One would be imported for the other, in a process that a test starts as in this one."""
    found = [p.name for p in TESTS if not (p.parent / "__init__.py").exists()]
    names = sorted(name for name in found if name != "conftest.py")
    assert names == sorted(set(names))
