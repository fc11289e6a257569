"""What the console costs: the first page for many endpoints, and readers of the live values.

    python benchmarks/console.py [--quick] [--json PATH]

Endpoints of one small model, some of which are asked. The first page is asked for over HTTP, and
painted where Chromium and Playwright are installed. Then readers of the stream of live values are
held open: CPU is that of the controller, from `/proc`, beside what it takes without any.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from support.processes import children, cpu_s, request, running, runs

ROW = b'{"rows":[{"f0":0.5,"f1":0.5,"f2":0.5}]}'
PAINTED = """() => new Promise((done) => new PerformanceObserver((seen) => {
  const [first] = seen.getEntriesByName("first-contentful-paint");
  if (first) done(first.startTime);
}).observe({ type: "paint", buffered: true }))"""
Found = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10 endpoints, 20 readers, 4 seconds")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    given = parser.parse_args()
    endpoints, readers, seconds = (10, 20, 4.0) if given.quick else (50, 200, 30.0)
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
        home = Path(folder) / ".fairlead"
        _prepare(home, endpoints)
        numbers = _measure(home, endpoints, readers, seconds)
    for name, value in numbers.items():
        print(f"{name:<44}{value:12.2f}")
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2))


def _prepare(home: Path, endpoints: int) -> None:
    """Package a model, and route all endpoints to it."""
    import numpy as np
    import polars as pl
    from sklearn.linear_model import LogisticRegression

    import fairlead
    from fairlead.app.workspace import Workspace
    from fairlead.routing import ROUTES, SLOTS, Arm, Route
    from fairlead.store import Put

    rows = np.random.default_rng(0).normal(size=(200, 3))
    labels, frame = rows[:, 0] > 0, pl.DataFrame(rows, schema=["f0", "f1", "f2"])
    version = fairlead.package(
        LogisticRegression().fit(rows, labels), frame, labels, name="e0", home=home
    )
    workspace = Workspace(home)
    ref = workspace.ref(workspace.registry.resolve(version.name))
    arm = Arm(name="stable", version=ref, role="stable", slots=((0, SLOTS),))
    puts = []
    for number in range(endpoints):
        name = f"e{number}"
        route = Route(
            endpoint=name, revision=1, signature=version.signature, arms=(arm,), salt=name
        )
        puts.append(Put(ROUTES, ROUTES.key(name), route, None))
    workspace.store.commit(*puts)
    workspace.close()


def _measure(home: Path, endpoints: int, readers: int, seconds: float) -> Found:
    up = ["-m", "fairlead", "--home", str(home), "up", "--port=0", "--control-port=0"]
    with running([*up, "--workers=1"], {0, 1}) as process:
        addresses = _addresses(home, process)
        controller = next(
            pid for pid in children(process.pid) if runs(pid, "fairlead.app.control_process")
        )
        with _asked(addresses["api"], endpoints):
            time.sleep(6.0)  # until the first counts are read
            found = _first_page(addresses["control"], controller)
            found |= _painted(home, addresses["control"])
            found |= _read(home, addresses["control"], controller, readers, seconds)
    return found


def _addresses(home: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Where it is reached, once both planes answer."""
    file = home / "run" / "addresses.json"
    deadline_s = time.monotonic() + 60.0
    while time.monotonic() < deadline_s:
        assert process.poll() is None
        with contextlib.suppress(OSError, ValueError):
            addresses: dict[str, str] = json.loads(file.read_text())
            if all(_get(addresses[side], "/health/ready")[0] == 200 for side in ("api", "control")):
                return addresses
        time.sleep(0.1)
    raise TimeoutError("it does not get ready")


def _get(origin: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(origin).netloc, timeout=10)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


@contextlib.contextmanager
def _asked(origin: str, endpoints: int) -> Iterator[None]:
    """Ask all endpoints, one after the other, some twenty times a second."""
    over = threading.Event()

    def ask() -> None:
        address = urlsplit(origin)
        with socket.create_connection((address.hostname or "", address.port or 80)) as sock:
            while not over.wait(0.05):
                for number in range(0, endpoints, max(endpoints // 10, 1)):
                    path = f"/v1/endpoints/e{number}/predict"
                    sock.sendall(request(path, ROW))
                    sock.recv(1 << 16)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _first_page(origin: str, controller: int) -> Found:
    took_s, before_s = [], cpu_s(controller)
    for _ in range(20):
        started_s = time.perf_counter()
        status, page = _get(origin, "/")
        took_s.append(time.perf_counter() - started_s)
        assert status == 200
    return {
        "first page, ms (p50)": statistics.median(took_s) * 1000,
        "first page, ms (worst)": max(took_s) * 1000,
        "first page, CPU ms": (cpu_s(controller) - before_s) / len(took_s) * 1000,
        "first page, kB": len(page) / 1000,
    }


def _painted(home: Path, origin: str) -> Found:
    """When the first text is on the screen of a browser that has the files already."""
    path = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        return {}
    link = [sys.executable, "-m", "fairlead", "--home", str(home), "link"]
    address = subprocess.run(link, capture_output=True, text=True, check=True).stdout.split()[0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        page.wait_for_url(f"{origin}/")
        painted = []
        for _ in range(7):
            page.goto(f"{origin}/")
            painted.append(float(page.evaluate(PAINTED)))
        browser.close()
    return {
        "first paint, ms (p50)": statistics.median(painted),
        "first paint, ms (worst)": max(painted),
    }


def _read(home: Path, origin: str, controller: int, readers: int, seconds: float) -> Found:
    """Hold readers open; what the controller takes with and without them."""
    from fairlead.app.workspace import Workspace
    from fairlead.console.feed import OF_ACTOR_MAX

    book = Workspace(home).key_book
    people = -(-readers // OF_ACTOR_MAX)
    secrets = [book.create(f"reader-{number}", ["view"])[1] for number in range(people)]
    address = urlsplit(origin)
    alone = _busy(controller, seconds)
    head = f"GET /live HTTP/1.1\r\nhost: {address.netloc}\r\nsec-fetch-site: same-origin\r\n"
    selector, events = selectors.DefaultSelector(), 0
    with contextlib.ExitStack() as stack:
        for number in range(readers):
            sock = stack.enter_context(
                socket.create_connection((address.hostname or "", address.port or 80))
            )
            sock.sendall(f"{head}x-api-key: {secrets[number % people]}\r\n\r\n".encode())
            selector.register(sock, selectors.EVENT_READ)
        until_s, before_s = time.monotonic() + seconds, cpu_s(controller)
        while time.monotonic() < until_s:
            for key, _ in selector.select(0.5):
                events += key.fileobj.recv(1 << 20).count(b"data: ")  # type: ignore[union-attr]
        used = 100 * (cpu_s(controller) - before_s) / seconds
    return {
        "controller without readers, % of a core": alone,
        f"controller with {readers} readers, % of a core": used,
        f"{readers} readers, % of a core": used - alone,
        "events a second": events / seconds,
    }


def _busy(pid: int, seconds: float) -> float:
    before_s = cpu_s(pid)
    time.sleep(seconds)
    return 100 * (cpu_s(pid) - before_s) / seconds


if __name__ == "__main__":
    main()
