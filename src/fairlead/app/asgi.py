"""The endpoints of a home in anyone's server: an ASGI app that starts and ends its own parts."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import msgspec

from fairlead.access import Sites
from fairlead.app.core import build_core
from fairlead.app.exposure import sites_of
from fairlead.app.home import Home, find_home
from fairlead.app.settings import ServerSettings, Settings, load_settings
from fairlead.errors import FairleadError
from fairlead.logs import tell_error
from fairlead.serving.core import Core
from fairlead.serving.refusal import native_shape, refusal
from fairlead.serving.transport.asgi import AsgiTransport, Receive, Scope, Send, path_of, write

NAME = "asgi"

_FAR = refusal(
    403,
    "Without keys, only callers on the server's own machine are answered.",
    "Set keys under [server], or let who mounts the app say insecure=True.",
)
_UNSTARTED = refusal(503, "The server could not be started.", "Its own log says more.")


@dataclass(frozen=True, slots=True)
class _Parts:
    """What answers on one loop.

    Args:
        core: answers.
        transport: to it.
        watching: keeps it up to date; lets go of it when it is cancelled.
        loaded: ends when its endpoints answer, or have had their time.
    """

    core: Core
    transport: AsgiTransport
    watching: asyncio.Task[None]
    loaded: asyncio.Task[None]


class AsgiApp:
    """Serves a home's endpoints wherever it is mounted or run.

    What it needs is started where the server says that it starts, or else, as servers tell
    nothing to apps that are mounted, by the first request; it ends with the server, or with its
    loop. It follows the home's routes, and takes part in no release: that is for `fairlead up`.

    Args:
        home: whose endpoints answer.
        settings: how.
        insecure: whether callers on other machines are answered without keys.
    """

    def __init__(self, home: Home, settings: Settings, *, insecure: bool) -> None:
        self._home = home
        self._settings = settings
        self._local_only = not (settings.server.keys or insecure)
        self._sites = _sites(settings.server, local_only=self._local_only)
        self._starting: dict[asyncio.AbstractEventLoop, asyncio.Task[_Parts]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak ASGI 3; of its protocols `http` and `lifespan`."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            parts = await self._started()
        except Exception as error:  # the store or the disk; it is no fault of the host
            tell_error("start_failed", error)
            await write(scope, send, native_shape(_UNSTARTED))
            return
        path = path_of(scope)
        if self._local_only and not _is_near(scope):
            await write(scope, send, parts.core.router.refuse(path, _FAR))
            return
        if not parts.loaded.done() and not parts.core.router.is_open(path):
            await asyncio.shield(parts.loaded)
        await parts.transport(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            parts = await self._started()
        except FairleadError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await parts.loaded
        await send({"type": "lifespan.startup.complete"})
        await receive()
        parts.core.drain()
        self._starting.pop(asyncio.get_running_loop(), None)
        parts.watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await parts.watching
        await send({"type": "lifespan.shutdown.complete"})

    async def _started(self) -> _Parts:
        """The parts on this loop; those of a loop that has ended were let go of with it."""
        loop = asyncio.get_running_loop()
        starting = self._starting.get(loop)
        if starting is None:
            for ended in [one for one in self._starting if one.is_closed()]:
                del self._starting[ended]
            starting = self._starting[loop] = loop.create_task(self._start())
        if starting.done() and not starting.cancelled() and starting.exception() is None:
            return starting.result()
        try:
            return await asyncio.shield(starting)
        except Exception:
            self._starting.pop(loop, None)  # the next request tries again
            raise

    async def _start(self) -> _Parts:
        build = partial(build_core, NAME, self._home, self._settings, self._sites)
        core = await asyncio.to_thread(build)
        router = core.router
        transport = AsgiTransport(router.handle, router.refuse, core.options.http)
        watching = asyncio.create_task(_watch(core))
        return _Parts(core, transport, watching, asyncio.create_task(core.wait_loaded()))


async def _watch(core: Core) -> None:
    """Keep a core up to date until that is cancelled, by a server or with its loop; then close."""
    atexit.register(core.close)  # some servers drop their loop as it is
    try:
        await core.run()
    finally:
        atexit.unregister(core.close)
        core.close()


def _sites(server: ServerSettings, *, local_only: bool) -> Sites:
    """Where browsers may send requests from and to; as far as others are let in, from anywhere."""
    sites = sites_of(server, shared=True)
    hosts = sites.hosts if local_only or server.hosts else frozenset[str]()
    return Sites(hosts, sites.origins)


def _is_near(scope: Scope) -> bool:
    """Whether the caller is known to be on this machine."""
    try:
        return ip_address(scope["client"][0]).is_loopback
    except (KeyError, TypeError, ValueError):
        return False


def asgi(
    home: Path | str | None = None,
    *,
    keys: bool | None = None,
    insecure: bool = False,
    workers: int = 1,
) -> AsgiApp:
    """The endpoints of a home as an ASGI app, for a server of your own.

    Mounted, `app.mount("/models", fairlead.asgi())`, or run alone, `uvicorn --factory
    fairlead:asgi`. It answers what `fairlead up` answers, beside it or without it, and keeps the
    same prediction log, which `fairlead up` seals into files.

    Without keys it answers callers on this machine alone, and no page of another site.

    Args:
        home: the folder of the state; found from where one stands if not given.
        keys: whether callers need a key; as `fairlead.toml` says if not given.
        insecure: whether callers on other machines are answered without keys, because the
            server that it is mounted in lets in only whom it should.
        workers: processes of the server, who share the rate limits of keys.

    Raises:
        ConfigError: the home cannot be made, or its settings are not right.
    """
    found = find_home(None if home is None else Path(home))
    settings = load_settings(found.settings_file)
    server = msgspec.structs.replace(
        settings.server, workers=workers, keys=settings.server.keys if keys is None else keys
    )
    return AsgiApp(found, msgspec.structs.replace(settings, server=server), insecure=insecure)
