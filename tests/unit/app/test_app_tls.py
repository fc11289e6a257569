"""The name that a certificate is for, as others must expect it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.app.tls import name_of
from fairlead.errors import ConfigError
from support.certificates import make_certificate


@pytest.mark.parametrize(
    ("host", "name"),
    [("models.example.com", "models.example.com"), ("*.example.com", "fairlead.example.com")],
)
def test_a_certificate_tells_a_name_that_fits_it(tmp_path: Path, host: str, name: str) -> None:
    assert name_of(str(make_certificate(tmp_path, host).cert)) == name


def test_a_certificate_that_cannot_be_read_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    for name in ("cert.pem", "none.pem"):
        with pytest.raises(ConfigError, match="cannot be read"):
            name_of(str(tmp_path / name))
