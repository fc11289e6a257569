"""What holds the processes together: channels, pace of restarts, and starts that fail."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.app.channel import Channel, Order
from fairlead.app.home import Home
from fairlead.app.platform import deploy, run_platform, stop_platform
from fairlead.app.restart import BACKOFF_S, QUICK_S, restart_delay_s
from fairlead.app.settings import ServerSettings, Settings
from fairlead.app.supervisor import Addresses, Supervisor
from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError, ConflictError, UnavailableError
from support.models import package_churn

Pair = tuple[Channel[Order], Channel[Order]]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    channels = Channel(ours, Order), Channel(theirs, Order)
    yield channels
    for channel in channels:
        channel.close()


def orders(channel: Channel[Order]) -> list[str]:
    received = channel.receive()
    assert received is not None
    return [order.order for order in received]


def test_values_arrive_whole_and_in_order(pair: Pair) -> None:
    here, there = pair
    assert there.receive() == []
    for text in ("one", "two\nlines", "three"):
        assert here.send(Order(text))
    assert orders(there) == ["one", "two\nlines", "three"]
    assert there.receive() == []


def test_a_line_may_come_in_pieces(pair: Pair) -> None:
    here, there = pair
    raw = msgspec.json.encode(Order("slow")) + b"\n"
    for byte in raw[:-1]:
        here.sock.send(bytes([byte]))
        assert there.receive() == []
    here.sock.send(raw[-1:] + raw[:3])
    assert orders(there) == ["slow"]
    here.sock.send(raw[3:])
    assert orders(there) == ["slow"]


@pytest.mark.parametrize("junk", [b"junk\n", b'{"order": 5}\n', b"\xff\n", b"\n"])
def test_a_peer_that_talks_nonsense_is_as_good_as_gone(pair: Pair, junk: bytes) -> None:
    here, there = pair
    here.sock.send(junk)
    assert there.receive() is None


def test_a_peer_that_is_gone_is_told_of_even_after_half_a_line(pair: Pair) -> None:
    here, there = pair
    here.sock.send(b'{"order": "ha')
    here.close()
    assert there.receive() is None
    assert not there.send(Order("x"))


def test_a_peer_that_does_not_read_costs_no_time_and_reads_no_half_line(pair: Pair) -> None:
    here, there = pair
    sent = [f"{place}-{'x' * 5000}" for place in range(200)]
    done = threading.Event()

    def flood() -> None:
        assert all(here.send(Order(text)) for text in sent), "it is not gone"
        done.set()

    threading.Thread(target=flood, daemon=True).start()
    assert done.wait(0.9), "sending waits for the reader"
    received = orders(there)
    assert 0 < len(received) < len(sent), "what was too much was dropped"
    assert here.send(Order("later"))
    assert here.send(Order("last"))
    received += orders(there)
    assert received[-1] == "last"
    assert set(received) <= {*sent, "later", "last"}


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=20))
def test_the_pace_of_restarts_depends_on_recent_deaths_alone(deaths: list[float]) -> None:
    deaths_s = sorted(deaths)
    now_s = deaths_s[-1]
    recent = [death for death in deaths_s if now_s - death < QUICK_S]
    delay_s = restart_delay_s(deaths_s, now_s)
    assert delay_s == restart_delay_s(recent, now_s)
    assert delay_s in BACKOFF_S
    assert restart_delay_s([*recent, now_s], now_s) >= delay_s, "more deaths, no shorter wait"


def test_the_first_deaths_are_mended_at_once_and_no_wait_is_for_ever() -> None:
    assert [restart_delay_s([0.0] * n, 0.0) for n in (1, 2, 3, 100)] == [0.0, 0.0, 0.5, 10.0]


def settings(**more: object) -> Settings:
    given: dict[str, object] = {"port": 0, "control_port": 0, "workers": 1, **more}
    return msgspec.convert({"server": given}, Settings)


def test_a_machine_that_can_start_no_process_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tries: list[object] = []
    supervisor = Supervisor(Home(tmp_path), settings())

    def fails(*arguments: object, **options: object) -> object:
        tries.append(arguments)
        if len(tries) == 6:
            supervisor.stop()
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", fails)
    supervisor.run()
    said = capfd.readouterr().err
    assert "worker-0 cannot be started (Resource temporarily unavailable)" in said
    assert "controller cannot be started" in said


def test_stopping_what_has_stopped_is_harmless(tmp_path: Path) -> None:
    supervisor = Supervisor(Home(tmp_path), settings())
    supervisor.stop()
    supervisor.run()
    supervisor.stop()


def test_the_port_of_grpc_is_held_while_workers_come_and_go(tmp_path: Path) -> None:
    supervisor = Supervisor(Home(tmp_path), settings(grpc_port=0))
    try:
        host, _, port = supervisor.addresses.grpc.partition(":")
        assert host == "127.0.0.1"
        with pytest.raises(UnavailableError, match=port):
            Supervisor(Home(tmp_path), settings(grpc_port=int(port)))
    finally:
        supervisor.stop()
        supervisor.run()


def test_grpc_without_its_library_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"fairlead\[grpc\]"):
        Supervisor(Home(tmp_path), settings(grpc_port=0))


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UnavailableError, match=str(port)):
            Supervisor(Home(tmp_path), Settings(server=ServerSettings(port=port, workers=2)))
        with pytest.raises(UnavailableError, match=str(port)):
            Supervisor(Home(tmp_path), settings(control_port=port))
        with pytest.raises(UnavailableError, match=f"{port}.*--grpc-port"):
            Supervisor(Home(tmp_path), settings(grpc_port=port))


def test_nobody_is_stopped_by_what_a_killed_platform_left(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        left = Addresses(stranger.pid, "http://127.0.0.1:1", "http://127.0.0.1:2")
        workspace.home.write_run_file(workspace.home.addresses_file, msgspec.json.encode(left))
        stop_platform(workspace)
        assert stranger.poll() is None
        stranger.kill()
    with pytest.raises(UnavailableError, match="Nothing is running"):
        workspace.addresses()


def test_a_home_is_served_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)
    workspace.__dict__["settings"] = settings()
    refused: list[Exception] = []

    def work(_: Addresses) -> None:
        assert workspace.home.is_served()
        with pytest.raises(ConflictError) as error:
            run_platform(workspace, lambda _: None)
        refused.append(error.value)
        raise UnavailableError("that is all")

    monkeypatch.setattr(Supervisor, "_start", lambda self, child: None)
    monkeypatch.setattr(Supervisor, "_start_due", lambda self: None)
    with pytest.raises(UnavailableError, match="that is all"):
        run_platform(workspace, work)
    assert "already running" in str(refused[0])
    assert not workspace.home.addresses_file.exists()
    assert not workspace.home.is_served()


def test_a_platform_starts_though_another_command_is_just_looking_whether_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    workspace.__dict__["settings"] = settings()
    monkeypatch.setattr(Supervisor, "run", lambda self: None)
    looking = os.open(workspace.home.lock_file, os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _: os.close(looking))
    run_platform(workspace, lambda _: None)


def test_asking_again_for_what_is_being_released_waits_for_the_same_release(
    tmp_path: Path,
) -> None:
    package_churn(tmp_path)
    workspace = Workspace(tmp_path)
    for _ in range(2):
        with pytest.raises(UnavailableError, match="still requested"):
            deploy(workspace, "churn:1", timeout_s=0.0)
    assert len(workspace.releases.releases("churn")) == 1
    workspace.close()
