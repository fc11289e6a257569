"""Profiles as bytes: small, quick to add, and refused when they are none."""

from __future__ import annotations

import time
import zlib

import msgspec
import numpy as np
import pytest

from fairlead.errors import StorageError
from fairlead.profiles import Profile, decode, encode, make_reference, merge, observe
from fairlead.profiles.merge import GZIP
from fairlead.profiles.types import FORMAT
from fairlead.signature import Batch, Field, Signature


def packed(text: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, GZIP)
    return packer.compress(text) + packer.flush()


@pytest.mark.parametrize("raw", [
    b"", b"{}", b"\xff", packed(b""), packed(b"{}"), packed(b"\xff"),
    packed(b'{"rows":1,"inputs":{},"format":99}'), packed(b'{"rows":1,"inputs":{}}')[:-9],
])  # fmt: skip
def test_bytes_that_are_no_profile_are_refused(raw: bytes) -> None:
    with pytest.raises(StorageError):
        decode(raw)


def test_bytes_that_would_unpack_without_bound_are_refused() -> None:
    with pytest.raises(StorageError, match="far too large"):
        decode(packed(bytes(200_000_000)))


def test_bytes_are_json_in_gzip_and_the_same_each_time() -> None:
    profile = Profile(rows=3, inputs={})
    raw = encode(profile)
    assert raw == encode(profile)
    written = msgspec.json.decode(zlib.decompress(raw, GZIP))
    assert (written["rows"], written["format"]) == (3, FORMAT)
    assert decode(raw) == profile


def test_fifty_columns_stay_under_sixty_kilobytes_and_a_million_cells_under_a_second() -> None:
    n, columns = 20_000, 50
    fields = tuple(Field(name=f"feature_{i}", kind="number") for i in range(columns))
    signature = Signature(inputs=fields, outputs=())
    numbers = np.random.default_rng(0).normal(size=(n, columns))
    batch = Batch(n, tuple(field.name for field in fields), numbers, {})
    reference = make_reference(signature, batch)
    used_s = []
    for _ in range(3):
        started_s = time.process_time()
        profile = observe(reference, batch)
        used_s.append(time.process_time() - started_s)
    assert min(used_s) < 1.0
    month = profile
    for _ in range(10):
        month = merge(month, month)
    assert len(encode(month)) < 60_000
    assert month.rows == n * 2**10
