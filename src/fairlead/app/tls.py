"""TLS: what the platform shows its callers, and how its own commands know it again."""

from __future__ import annotations

import ssl
from pathlib import Path

from fairlead.errors import ConfigError

PEM_END = "-----END CERTIFICATE-----"


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """What a server speaks TLS 1.2 or later with.

    Args:
        cert: file of the certificate, and after it those that lead to a known one; PEM.
        key: file of its private key, PEM, not encrypted.

    Raises:
        ConfigError: a file cannot be used, or they do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=lambda: b"")  # asks nobody at the terminal
    except (OSError, ValueError) as error:
        reason = "they are no certificate and its key, or the key is encrypted"
        if not isinstance(error, ssl.SSLError) and isinstance(error, OSError) and error.strerror:
            reason = error.strerror.lower()
        raise ConfigError(
            f"The certificate {cert} and the key {key} cannot be used: {reason}.",
            hint="Both are PEM files; the key belongs to the first certificate of the file.",
        ) from None
    return context


def own_context(cert: str) -> ssl.SSLContext:
    """What commands of a home speak to its own platform with: they know its very certificate.

    Its names do not count: it may be for `ml.example.com`, and reached as 127.0.0.1 from here.

    Args:
        cert: file of the certificate that the platform shows.

    Raises:
        ConfigError: the file cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it need not have signed itself
    try:
        first, end, _ = Path(cert).read_text(encoding="ascii").partition(PEM_END)
        context.load_verify_locations(cadata=first + end)
    except (OSError, ValueError):
        raise ConfigError(
            f"The certificate {cert} of the platform of this home cannot be read."
        ) from None
    return context


def name_of(cert: str) -> str:
    """A name that a certificate is for: what who reads it from elsewhere must expect.

    Args:
        cert: file of the certificate, PEM.

    Returns:
        The first name; empty if there is none.

    Raises:
        ConfigError: the file cannot be read.
    """
    from cryptography import x509

    try:
        read = x509.load_pem_x509_certificate(Path(cert).read_bytes())
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    except (OSError, ValueError):
        raise ConfigError(f"The certificate {cert} cannot be read.") from None
    found = names.get_values_for_type(x509.DNSName)
    found += [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return next(iter(found), "").replace("*", "fairlead")
