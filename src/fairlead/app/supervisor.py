"""The supervisor: holds the listening sockets, starts the processes, and mends what dies.

It loads no model and parses no request, so that there is nothing in it to crash. A worker's
socket outlives the worker: connections that wait in it are answered by the next one.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field

import msgspec

from fairlead.app.channel import Channel, Order
from fairlead.app.home import Home
from fairlead.app.restart import restart_delay_s
from fairlead.app.settings import Settings
from fairlead.errors import ConfigError, UnavailableError
from fairlead.logs import tell
from fairlead.serving.types import FleetStatus, WorkerStatus

SILENCE_S_MAX = 20.0
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Workers share the cores as processes; threads of libraries beside them would only contend."""
_GIVE_BACK = {
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "MALLOC_TRIM_THRESHOLD_": "1048576",
}
"""What is freed goes back to the system, by Polars' allocator and by glibc's: sealing the log
would else go on holding twice as much memory as it takes, and each loaded version a little."""
DRAIN_S_MAX = 30.0
EXIT_S_MAX = 1.0


class Addresses(msgspec.Struct, frozen=True):
    """Where a running platform is reached; kept in its home while it runs.

    Args:
        pid: of the supervisor.
        api: URL of the data plane.
        control: URL of the control plane.
        keys: whether callers need a key.
        tls_cert: file of the certificate that all show; empty without TLS.
        grpc: `host:port` of the API over gRPC; empty if it is not spoken.
    """

    pid: int
    api: str
    control: str
    keys: bool = False
    tls_cert: str = ""
    grpc: str = ""


@dataclass(slots=True)
class Child:
    """One process and what is known of it.

    Args:
        name: `worker-0` or `controller`.
        module: that it runs.
        listener: the socket it accepts on.
        process: None while it waits to be started.
        channel: to it.
        status: what it last told.
        heard_s: when it last told anything.
        start_s: when it is to be started, if it is not running.
        deaths_s: the last times it died.
        deaths: all of them.
    """

    name: str
    module: str
    listener: socket.socket
    process: subprocess.Popen[bytes] | None = None
    channel: Channel[WorkerStatus] | None = None
    status: WorkerStatus | None = None
    heard_s: float = 0.0
    start_s: float = 0.0
    deaths_s: deque[float] = field(default_factory=lambda: deque(maxlen=16))
    deaths: int = 0


class Supervisor:
    """Runs a platform until it is told to stop.

    Args:
        home: whose state it serves; locked while it runs.
        settings: of the server.

    Raises:
        UnavailableError: an address is taken.
        ConfigError: gRPC is asked for, and its library is not installed.
    """

    def __init__(self, home: Home, settings: Settings) -> None:
        self._home = home
        self._settings = settings
        server = settings.server
        count = server.workers if sys.platform == "linux" else 1
        with contextlib.ExitStack() as opened:  # closed again if an address is taken
            listeners = _listeners(server.host, server.port, count, opened)
            control = _listeners(server.host, server.control_port, 1, opened)[0]
            grpc = _hold_grpc(server.host, server.grpc_port, opened)
            self._held = opened.pop_all()
        scheme = "https" if server.tls_cert else "http"
        api, pages = _url(scheme, listeners[0]), _url(scheme, control)
        self.addresses = Addresses(os.getpid(), api, pages, server.keys, server.tls_cert, grpc)
        self._workers = [
            Child(f"worker-{place}", "fairlead.app.worker", listener)
            for place, listener in enumerate(listeners)
        ]
        self._controller = Child("controller", "fairlead.app.control_process", control)
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ)

    def stop(self) -> None:
        """Ask `run` to end; safe to call from a signal handler or another thread."""
        self._stopping = True
        with contextlib.suppress(OSError):  # it has ended, or is awake anyway
            self._wake_in.send(b".")

    def run(self) -> None:
        """Start everything and keep it alive until `stop`; then drain, workers first."""
        try:
            while not self._stopping:
                self._start_due()
                self._hear(timeout_s=self._until_next_start_s())
                self._reap()
                self._tell_controller()
        finally:
            self._stop_all()

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """What living workers last told."""
        return tuple(child.status for child in self._workers if child.status is not None)

    @property
    def _children(self) -> list[Child]:
        return [*self._workers, self._controller]

    def _start_due(self) -> None:
        now_s = time.monotonic()
        for child in self._children:
            if child.process is None and child.start_s <= now_s:
                self._start(child)

    def _start(self, child: Child) -> None:
        ours, theirs = socket.socketpair()
        argv = [
            sys.executable, "-m", "fairlead.app.begin", child.module,
            "--home", str(self._home.path), "--name", child.name,
            "--listener", str(child.listener.fileno()), "--channel", str(theirs.fileno()),
            "--addresses", msgspec.json.encode(self.addresses).decode(),
        ]  # fmt: skip
        try:
            with theirs:
                child.process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                    argv,
                    stdin=subprocess.PIPE,
                    pass_fds=(child.listener.fileno(), theirs.fileno()),
                    env={**_ONE_THREAD, **_GIVE_BACK, **os.environ},
                    start_new_session=True,  # Ctrl-C reaches the supervisor alone, which drains
                )
        except OSError as error:  # no memory, no process to be had: later there may be
            ours.close()
            self._start_later(child, f"cannot be started ({error.strerror})")
            return
        assert child.process.stdin is not None
        with contextlib.suppress(BrokenPipeError), child.process.stdin as stdin:
            stdin.write(msgspec.json.encode(self._settings))
        pid = child.process.pid
        tell(
            "info", "process_started", f"{child.name} is started.", child=child.name, child_pid=pid
        )
        child.channel = Channel(ours, WorkerStatus)
        child.heard_s = time.monotonic()
        self._selector.register(ours, selectors.EVENT_READ, child)

    def _until_next_start_s(self) -> float:
        waiting = [child.start_s for child in self._children if child.process is None]
        return max(0.0, min([1.0, *(start_s - time.monotonic() for start_s in waiting)]))

    def _hear(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            child = key.data
            if child is None:
                self._wake_out.recv(4096)
                continue
            assert child.channel is not None
            messages = child.channel.receive()
            if messages is None:
                self._bury(child)
            elif messages:
                child.status = messages[-1]
                child.heard_s = time.monotonic()

    def _reap(self) -> None:
        """Bury children that ended, and end those that fell silent."""
        now_s = time.monotonic()
        for child in self._children:
            if child.process is None:
                continue
            if child.process.poll() is not None:
                self._bury(child)
            elif now_s - child.heard_s > SILENCE_S_MAX:
                text = f"{child.name} has been silent for {SILENCE_S_MAX:.0f} s and is ended."
                tell("error", "process_silent", text, child=child.name)
                child.process.kill()
                self._bury(child)

    def _bury(self, child: Child) -> None:
        """Take note of a death, and when to start again."""
        if child.process is None or child.channel is None:
            return
        self._selector.unregister(child.channel.sock)
        child.channel.close()
        code = _end(child.process, EXIT_S_MAX)  # it hung up: to tell how it ended, not how we did
        child.process = child.channel = child.status = None
        if self._stopping:
            return
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        self._start_later(child, f"died ({how})")

    def _start_later(self, child: Child, why: str) -> None:
        now_s = time.monotonic()
        child.deaths_s.append(now_s)
        child.deaths += 1
        delay_s = restart_delay_s(child.deaths_s, now_s)
        child.start_s = now_s + delay_s
        text = f"{child.name} {why}; it is started again in {delay_s:g} s."
        tell("error", "process_died", text, child=child.name, restart_s=delay_s)

    def _tell_controller(self) -> None:
        if self._controller.channel is not None:
            deaths = {child.name: child.deaths for child in self._children}
            self._controller.channel.send(FleetStatus(self.statuses(), deaths))

    def _stop_all(self) -> None:
        """Drain workers, then the controller, which seals what they wrote last."""
        for group in (self._workers, [self._controller]):
            for child in group:
                if child.channel is not None:
                    child.channel.send(Order("drain"))
            deadline_s = time.monotonic() + DRAIN_S_MAX
            for child in group:
                if child.process is not None:
                    _end(child.process, deadline_s - time.monotonic())
        self._held.close()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()


def _end(process: subprocess.Popen[bytes], timeout_s: float) -> int:
    """The exit status of a process that is to end; one that does not in time is killed."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(max(0.0, timeout_s))
    process.kill()
    return process.wait()


def _listeners(
    host: str, port: int, count: int, opened: contextlib.ExitStack
) -> list[socket.socket]:
    """Listening sockets on one address, one for each worker.

    Port 0 takes a free one, the same for all.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listeners: list[socket.socket] = []
    for _ in range(count):
        sock = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if count > 1:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            if not listeners:
                _refuse_taken(family, host, port)
            sock.bind((host, port))
            sock.listen(2048)
        except OSError as error:
            raise UnavailableError(
                f"The address {host}:{port} cannot be used: {error.strerror}.",
                hint="Stop what uses it, or choose another with --port and --control-port.",
            ) from error
        port = sock.getsockname()[1]
        listeners.append(sock)
    return listeners


def _hold_grpc(host: str, port: int | None, opened: contextlib.ExitStack) -> str:
    """The address of gRPC, held by a socket that does not listen.

    The workers listen there themselves, since the library takes no socket from elsewhere; what
    is held keeps others off while one of them is being replaced.
    """
    if port is None:
        return ""
    if importlib.util.find_spec("grpc") is None:
        raise ConfigError(
            "gRPC is asked for, but grpcio is not installed.",
            hint="Run: pip install 'fairlead[grpc]'; or leave grpc_port out.",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        _refuse_taken(family, host, port)
        sock.bind((host, port))
    except OSError as error:
        raise UnavailableError(
            f"The address {host}:{port} cannot be used: {error.strerror}.",
            hint="Stop what uses it, or choose another with --grpc-port.",
        ) from error
    return _url("grpc", sock).removeprefix("grpc://")


def _refuse_taken(family: socket.AddressFamily, host: str, port: int) -> None:
    """SO_REUSEPORT would silently share a port with another platform of the same user."""
    if port:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))


def _url(scheme: str, sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def stop_on_signals(supervisor: Supervisor) -> None:
    """Let Ctrl-C and SIGTERM end a supervisor in order."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.stop())
