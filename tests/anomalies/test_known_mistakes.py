"""Mistakes that model servers have made, one class each: none of them is made here.

Classes with tests elsewhere: links, climbing paths and bombs in archives (bundle/test_archive),
boundaries of forms that burn time (serving/test_native_forms), doors and spellings of paths that
ask for no key, keys for one endpoint that open another, pages of other sites with any method
(serving/test_serving_access, api/test_guard), ports beyond loopback without keys
(app/test_app_exposure), folders of other tools whose files climb or link out (packaging/
test_mlflow), bundles that say they are safe (bundle/test_bundle), chunked bodies
(conformance/test_http), and nesting (test_bad_bodies).
"""

from __future__ import annotations

import ast
import gzip
import io
import os
import pickle
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import joblib
import pytest

import fairlead
from fairlead.errors import BundleError, ConfigError
from fairlead.names import check_name
from fairlead.runners.sklearn import load_skops
from support.oip import serve_models
from support.plane import BODY_BYTES_MAX, PlaneInProcess
from support.waiting import PATIENCE_S

SOURCE = Path(fairlead.__file__).parent
DOORS = (
    "/v1/endpoints/texts/predict",
    "/v1/endpoints/mixed/predict",
    "/v1/endpoints/texts/feedback",
    "/v2/models/texts/infer",
    "/v2/models/mixed/infer",
    "/v2/repository/index",
    "/endpoints/texts/invocations",
    "/v1/models/texts:predict",
    "/v1/models/churn:classify",
)
TYPES = (
    "", "application/json", "application/octet-stream", "application/x-pickle",
    "application/vnd.bentoml+pickle", "application/python-pickle", "application/x-npy",
    "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream",
    "application/vnd.apache.arrow.file", "text/csv", "multipart/form-data; boundary=b",
)  # fmt: skip
CLIMBS = (
    "..", "../..", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e", "..\\..", "/etc",
    "file:///etc/passwd", "churn/../texts", "churn:../../x", ".", "\0", "a\nb", "$(id)", "`id`",
    "-rf", "c" * 300,
)  # fmt: skip


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._path),)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaneInProcess]:
    with PlaneInProcess(tmp_path_factory.mktemp("mistakes")) as plane:
        serve_models(plane)
        yield plane


@pytest.mark.parametrize("kind", TYPES)
def test_a_pickle_in_a_body_is_never_loaded_whatever_its_type_says(
    plane: PlaneInProcess, tmp_path: Path, kind: str
) -> None:
    dumped = io.BytesIO()
    joblib.dump(Bomb(tmp_path / "ran"), dumped)
    for raw in (pickle.dumps(Bomb(tmp_path / "ran")), dumped.getvalue()):
        for body in (raw, gzip.compress(raw)):
            for door in DOORS:
                headers = {"Content-Type": kind, "Payload-Container": "Pickle"}
                if body is not raw:
                    headers["Content-Encoding"] = "gzip"
                assert plane.ask(door, body, headers).status in (400, 415)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_under_a_safe_formats_name_is_not_loaded_as_one(tmp_path: Path) -> None:
    dumped = io.BytesIO()
    joblib.dump(Bomb(tmp_path / "ran"), dumped)
    for raw in (pickle.dumps(Bomb(tmp_path / "ran")), dumped.getvalue()):
        with pytest.raises(BundleError):
            load_skops(raw)
    assert not (tmp_path / "ran").exists()


def test_an_address_in_a_value_is_not_fetched(plane: PlaneInProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.png"
        row = {"age": 1, "plan": "pro", "note": url, "at": "2024-05-01T12:00:00Z", "photo": url,
               "pair": [1, 2]}  # fmt: skip
        texts = {"a": url, "b": "file:///etc/passwd"}
        bodies: tuple[object, ...] = (
            {"rows": [row]}, {"rows": [texts]}, {"instances": [texts]}, {"inputs": texts},
            {"url": url}, {"instances": [{"b64": url}]}, {"uri": url}, {"model_uri": url},
        )  # fmt: skip
        for door in DOORS:
            for body in bodies:
                headers = {"Referer": url, "X-Forwarded-Host": url, "Callback": url}
                got = plane.ask(door, body, headers)
                assert b"root:" not in got.body
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("name", CLIMBS)
def test_a_name_is_never_a_path(plane: PlaneInProcess, name: str) -> None:
    with pytest.raises(ConfigError):
        check_name(name, "model")
    for method, path in (
        ("GET", "/v1/endpoints/{}"), ("GET", "/v1/endpoints/{}/openapi.json"),
        ("POST", "/v1/endpoints/{}/predict"), ("GET", "/v2/models/{}"),
        ("GET", "/v2/models/texts/versions/{}"), ("POST", "/v2/models/texts/versions/{}/infer"),
        ("POST", "/v2/repository/models/{}/load"), ("GET", "/v1/models/{}"),
        ("GET", "/v1/models/texts/versions/{}"), ("POST", "/v1/models/texts/labels/{}:predict"),
        ("POST", "/endpoints/{}/invocations"), ("GET", "/static/{}"),
    ):  # fmt: skip
        body = {"rows": [["a", "b"]]} if method == "POST" else None
        got = plane.ask(path.format(name), body)
        assert got.status in (400, 404, 405, 501), path
        assert b"root:" not in got.body


def test_what_a_caller_says_of_itself_is_not_said_back(plane: PlaneInProcess) -> None:
    script = "<script>alert(1)</script>"
    headers = {"Content-Type": f"text/html {script}", "Accept": f"text/html {script}",
               "X-Request-Id": script, "User-Agent": script}  # fmt: skip
    for door in (*DOORS, f"/v1/endpoints/{script}/predict", f"/{script}"):
        got = plane.ask(door, script.encode(), headers)
        assert script.encode() not in got.body
        assert got.headers["content-type"] == "application/json"
        assert all(script not in value for value in got.headers.values())


def test_a_refusal_names_nothing_of_the_inside(plane: PlaneInProcess) -> None:
    inside = re.compile(rb"(/tmp|/dev/shm|/proc|site-packages|\.py|blobs/|digest|0x[0-9a-f]{6})")
    for door in DOORS:
        for body in (b"", b"{", b"[]", b"\xff", b'{"inputs":[{"name":"a"}]}', b'{"rows":[1]}'):
            got = plane.ask(door, body)
            assert not inside.search(got.body), got.body


def test_what_grows_beyond_the_limit_when_decompressed_is_refused(plane: PlaneInProcess) -> None:
    bomb = gzip.compress(bytes(64 * BODY_BYTES_MAX))
    assert len(bomb) < BODY_BYTES_MAX
    for door in DOORS:
        got = plane.ask(door, bomb, {"Content-Encoding": "gzip"})
        assert got.status in (400, 413), door


def test_no_command_line_is_ever_put_together_for_a_shell() -> None:
    called = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                shell = [k for k in node.keywords if k.arg == "shell"]
                if shell or name in ("os.system", "os.popen", "eval", "exec", "yaml.load"):
                    called.add(f"{path.name}: {name}")
    assert not called


MAKE = """
import os, sys
os.umask(0)
from pathlib import Path
from support.models import package_churn
package_churn(Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_no_one_else_may_write_where_models_lie_whatever_the_mask(tmp_path: Path) -> None:
    home = tmp_path / "home" / ".fairlead"
    subprocess.run(
        [sys.executable, "-c", MAKE, str(home)],
        check=True, capture_output=True, timeout=PATIENCE_S,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert any(home.iterdir())
    assert not stat.S_IMODE(home.stat().st_mode) & 0o077
