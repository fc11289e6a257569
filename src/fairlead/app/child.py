"""What every child of the supervisor is started with."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import msgspec

from fairlead.app.home import Home
from fairlead.app.settings import Settings
from fairlead.app.supervisor import Addresses


@dataclass(frozen=True, slots=True)
class Start:
    """A child's place in the world.

    Args:
        name: `worker-0`, `controller`.
        home: whose state it serves.
        settings: of the server.
        addresses: of the platform.
        listener: the socket it accepts on.
        channel: to the supervisor.
    """

    name: str
    home: Home
    settings: Settings
    addresses: Addresses
    listener: socket.socket
    channel: socket.socket


def read_start() -> Start:
    """Read it from the arguments and standard input, as the supervisor wrote it."""
    parser = argparse.ArgumentParser(description="A part of `fairlead up`; not to be run alone.")
    for name in ("--home", "--name", "--addresses"):
        parser.add_argument(name, required=True)
    for name in ("--listener", "--channel"):
        parser.add_argument(name, required=True, type=int)
    given = parser.parse_args()
    return Start(
        name=given.name,
        home=Home(Path(given.home)),
        settings=msgspec.json.decode(sys.stdin.buffer.read(), type=Settings),
        addresses=msgspec.json.decode(given.addresses, type=Addresses),
        listener=socket.socket(fileno=given.listener),
        channel=socket.socket(fileno=given.channel),
    )


def leave() -> NoReturn:
    """End the process in order, but wait for no thread: a model's may hang."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
