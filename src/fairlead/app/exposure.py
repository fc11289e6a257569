"""By whom a platform may be reached, and what it then asks of them."""

from __future__ import annotations

import msgspec

from fairlead.access import Sites
from fairlead.app.settings import LOOPBACK, ServerSettings
from fairlead.app.tls import server_context
from fairlead.errors import ConfigError


def secured(server: ServerSettings, *, insecure: bool) -> ServerSettings:
    """The settings that a platform starts with: who listens beyond this machine asks for keys.

    Args:
        server: as given.
        insecure: whether it was said that neither keys nor TLS are needed.

    Raises:
        ConfigError: other machines would reach it without TLS, or its certificate is of no use.
    """
    if bool(server.tls_cert) != bool(server.tls_key):
        raise ConfigError("TLS needs both a certificate and its key.", hint="tls_cert, tls_key.")
    if server.tls_cert:
        server_context(server.tls_cert, server.tls_key)  # told before anything is started
    if server.host in LOOPBACK or insecure:
        return server
    if not server.tls_cert:
        raise ConfigError(
            f"{server.host} is reached by other machines, and there is no TLS: keys and rows "
            "could be read on the way.",
            hint="Give --tls-cert and --tls-key, or keep 127.0.0.1 behind a proxy that has TLS; "
            "or say --insecure.",
        )
    return msgspec.structs.replace(server, keys=True)


def sites_of(server: ServerSettings, *, shared: bool) -> Sites:
    """Where browsers may send requests from and to.

    On loopback only the names of this machine count, and those that are set: a page whose
    domain name was turned to point here must not be taken for one of ours.

    Args:
        server: as the platform was started.
        shared: whether pages of the sites that are set may send requests.
    """
    hosts: set[str] = set()
    if server.host in LOOPBACK or server.hosts:
        hosts = {*(name.lower() for name in server.hosts), *LOOPBACK, server.host}
    origins = {origin.encode() for origin in server.cors_origins} if shared else ()
    return Sites(frozenset(hosts), frozenset(origins))
