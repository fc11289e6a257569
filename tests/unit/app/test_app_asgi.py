"""The endpoints of a home in anyone's server: started, kept apart, and let go of."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import msgspec
import pytest
import uvicorn
from fastapi import FastAPI

import fairlead
from fairlead.app.asgi import AsgiApp
from fairlead.app.workspace import Workspace
from fairlead.locks import is_held
from fairlead.routing import ROUTES, SLOTS, Arm, Route
from fairlead.store import Put
from fairlead.telemetry import read
from support.asgi import Caller
from support.models import ROW, package_churn
from support.platform import ask
from support.waiting import until

PREDICT = "/v1/endpoints/churn/predict"
BODY = msgspec.json.encode({"rows": [ROW]})
HERE = ("127.0.0.1", 50_000)


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an endpoint, where no platform runs."""
    home = tmp_path_factory.mktemp("asgi") / ".fairlead"
    version = package_churn(home)
    workspace = Workspace(home)
    signature = workspace.bundle(version).info.signature
    arm = Arm("stable", workspace.ref(version), "stable", ((0, SLOTS),))
    route = Route("churn", 1, signature, (arm,))
    workspace.store.commit(Put(ROUTES, ROUTES.key("churn"), route, None))
    workspace.close()
    return home


@pytest.fixture
def home(packaged: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(packaged, tmp_path / ".fairlead"))


def rows(home: Path) -> int:
    """How many predictions are on the log."""
    workspace = Workspace(home)
    try:
        return workspace.read("churn").collect().height
    finally:
        workspace.close()


def held(home: Path) -> list[str]:
    """The files of the log and of counters that somebody still writes."""
    files = [*(home / "journals").glob("*"), *(home / "metrics").glob("*.metrics")]
    return [file.name for file in files if is_held(file)]


async def asked(app: Any, path: str = PREDICT, body: bytes = BODY, **more: Any) -> Caller:
    scope = {"client": HERE, "headers": [(b"host", b"127.0.0.1:8000")]} | more
    caller = Caller(path, **scope)
    caller.send(body)
    await app(caller.scope, caller.pieces.get, caller.take)
    return caller


@contextmanager
def running(app: Any) -> Iterator[str]:
    """A server of the user's own."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive(), "the server")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def test_a_server_of_its_own_is_ready_when_it_starts_and_lets_go_when_it_ends(home: Path) -> None:
    with running(fairlead.asgi(home)) as url:
        assert ask(url, "/health/ready").status == 200
        reply = ask(url, PREDICT, BODY)
        assert reply.json["predictions"][0]["version"] == "churn:1"
        assert {name.partition("-")[0] for name in held(home)} == {"asgi"}
    assert held(home) == []
    assert rows(home) == 1
    counted = [s for s in read(home / "metrics") if s.series.name == "fairlead_rows_total"]
    assert sum(sum(sample.values) for sample in counted) == 1


def test_mounted_it_is_started_by_the_first_request_and_ends_with_the_server(home: Path) -> None:
    site = FastAPI()
    site.mount("/models", fairlead.asgi(home))
    with running(site) as url:
        assert held(home) == []
        replies: list[int] = []
        callers = [
            threading.Thread(
                target=lambda: replies.append(ask(url, f"/models{PREDICT}", BODY).status)
            )
            for _ in range(4)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert replies == [200] * 4
        assert len(list((home / "metrics").glob("*.metrics"))) == 1, "started once"
        document = f"{url}/models/v1/endpoints/churn/openapi.json"
        told = ask(url, "/models/v1/endpoints/churn/openapi.json").json
        root = urljoin(document, told["servers"][0]["url"])
        assert f"{url}/models{PREDICT}" in [root.rstrip("/") + path for path in told["paths"]]
        assert ask(url, PREDICT, BODY).json == {"detail": "Not Found"}, "the site's own paths"
    assert held(home) == []
    assert rows(home) == 4


def test_each_loop_has_its_parts_and_takes_them_along(home: Path) -> None:
    app = fairlead.asgi(home)
    for count in (1, 2):
        assert asyncio.run(asked(app)).status == 200
        assert held(home) == []
        assert rows(home) == count


def test_who_is_not_on_this_machine_needs_a_key_or_the_hosts_word(home: Path) -> None:
    async def statuses(app: AsgiApp, client: object) -> int:
        return (await asked(app, client=client)).status

    far = ("192.0.2.1", 50_000)
    for client in (far, None, ("testclient", 50_000)):
        assert asyncio.run(statuses(fairlead.asgi(home), client)) == 403
        assert asyncio.run(statuses(fairlead.asgi(home, insecure=True), client)) == 200
        assert asyncio.run(statuses(fairlead.asgi(home, keys=True), client)) == 401


def test_a_key_is_asked_for_where_the_settings_say_so(home: Path, tmp_path: Path) -> None:
    (tmp_path / "fairlead.toml").write_text("[server]\nkeys = true\n")
    workspace = Workspace(home)
    _, secret = workspace.key_book.create("a", ("predict",))
    workspace.close()
    app = fairlead.asgi(home)
    bearer = [(b"host", b"ml.example.com"), (b"authorization", f"Bearer {secret}".encode())]
    assert asyncio.run(asked(app, client=None)).status == 401
    assert asyncio.run(asked(app, client=None, headers=bearer)).status == 200


def test_a_name_that_was_turned_to_point_here_is_not_ours(home: Path) -> None:
    evil = [(b"host", b"evil.example")]
    assert asyncio.run(asked(fairlead.asgi(home), headers=evil)).status == 421
    assert asyncio.run(asked(fairlead.asgi(home, insecure=True), headers=evil)).status == 200


def test_a_home_that_cannot_be_used_is_told_to_the_server_and_tried_again(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = home / "store.db"
    hidden = store.rename(home / "hidden")
    store.mkdir()
    app = fairlead.asgi(home)

    async def scenario() -> None:
        caller = Caller(type="lifespan")
        caller.pieces.put_nowait({"type": "lifespan.startup"})
        await app(caller.scope, caller.pieces.get, caller.take)
        assert caller.told[0]["type"] == "lifespan.startup.failed"
        refused = await asked(app)
        assert refused.status == 503
        assert str(home).encode() not in refused.body
        store.rmdir()
        hidden.rename(store)
        assert (await asked(app)).status == 200

    asyncio.run(scenario())
    assert "store" in capsys.readouterr().err


def test_a_server_that_drops_its_loop_leaves_the_log_free(home: Path, run_python: Any) -> None:
    """It ends without a word to the app, and cancels nothing."""
    code = """
import asyncio, sys
sys.path[:0] = sys.argv[1].split(":")[1:]
import fairlead
from test_app_asgi import asked
loop = asyncio.new_event_loop()
app = fairlead.asgi(sys.argv[1].split(":")[0])
print(loop.run_until_complete(asked(app)).status)
"""
    assert run_python(code, str(home)).split() == ["200"]
    assert held(home) == []
    assert rows(home) == 1


def test_other_protocols_are_declined(home: Path) -> None:
    async def scenario() -> None:
        caller = Caller(type="websocket")
        with contextlib.suppress(asyncio.QueueEmpty):
            await fairlead.asgi(home)(caller.scope, caller.pieces.get, caller.take)
        assert [message["type"] for message in caller.told] == ["websocket.close"]

    asyncio.run(scenario())
