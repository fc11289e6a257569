"""Certificates made for a test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate, its key, and the authority that signed it."""

    cert: Path
    key: Path
    authority: Path


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make_certificate(folder: Path, host: str, password: bytes | None = None) -> Certificate:
    """A certificate for one host, signed by an authority of its own."""
    root_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    now = datetime.now(UTC)
    common = x509.CertificateBuilder(
        not_valid_before=now - timedelta(days=1), not_valid_after=now + timedelta(days=1)
    ).issuer_name(_name("test authority"))
    root = (
        common.subject_name(_name("test authority"))
        .public_key(root_key.public_key())
        .serial_number(1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, SHA256())
    )
    leaf = (
        common.subject_name(_name(host))
        .public_key(key.public_key())
        .serial_number(2)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(root_key, SHA256())
    )
    folder.mkdir(exist_ok=True)
    made = Certificate(folder / "cert.pem", folder / "key.pem", folder / "authority.pem")
    made.cert.write_bytes(leaf.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM))
    made.authority.write_bytes(root.public_bytes(Encoding.PEM))
    guarded = NoEncryption() if password is None else BestAvailableEncryption(password)
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, guarded))
    return made
