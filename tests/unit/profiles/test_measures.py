"""What is measured of texts, pictures, sounds, times and tensors; and of hostile ones nothing."""

from __future__ import annotations

import builtins
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fairlead.profiles import (
    Categorical,
    Named,
    Numeric,
    Profile,
    describe_media,
    make_reference,
    observe,
)
from fairlead.profiles.measures import images
from fairlead.profiles.measures.tensors import measure_tensors, principal_axes
from fairlead.signature import Batch, Field, FieldKind, Signature
from support.media import flac_header, float_sound, picture, sound


def objects(values: list[Any]) -> npt.NDArray[np.object_]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def batch(values: Any) -> Batch:
    column = objects(values) if isinstance(values, list) else values
    return Batch(len(column), (), np.empty((len(column), 0)), {"v": column})


def reference(kind: FieldKind, values: Any, **facts: Any) -> Profile:
    field = Field(name="v", kind=kind, **facts)
    return make_reference(Signature(inputs=(field,), outputs=()), batch(values))


def parts(profile: Profile) -> dict[str, Any]:
    found = profile.inputs["v"]
    assert isinstance(found, Named)
    return found.parts


def means(profile: Profile) -> dict[str, float]:
    leaves = parts(profile).items()
    return {name: leaf.mean for name, leaf in leaves if isinstance(leaf, Numeric)}


def test_texts_are_measured_by_length_words_strangeness_and_emptiness() -> None:
    known = reference("text", ["The cat sat.", "the dog SAT"])
    found = parts(observe(known, batch(["The cat sat", "zebra cat", " ", "", None])))
    assert found["characters"].mean == (11 + 9 + 1 + 0) / 4
    assert found["words"].mean == (3 + 2) / 4
    assert found["unknown"].mean == 0.25  # of the two texts that have words
    assert (found["unknown"].count, found["unknown"].missing) == (2, 3)
    empty = dict(zip(found["empty"].categories, found["empty"].counts, strict=True))
    assert (empty[False], found["empty"].new, found["empty"].missing) == (2, 2, 1)


def test_a_reference_measures_no_text_by_its_own_words() -> None:
    known = parts(reference("text", ["a b", "a c", "a b", "c d"]))
    assert (known["unknown"].count, known["unknown"].mean) == (2, 0.75)
    assert known["words"].count == 4


def test_a_vocabulary_takes_a_bounded_number_of_bytes() -> None:
    summary = reference("text", [f"word{i} the" for i in range(20_000)]).inputs["v"]
    assert isinstance(summary, Named)
    assert len(summary.known) <= 1024


def test_times_are_measured_by_hour_weekday_and_lag() -> None:
    times = np.array(["1970-01-01T05:59", "2024-02-29T23:00", "NaT"], dtype="datetime64[us]")
    known = reference("timestamp", times)
    now_us = np.array([6 * 3600 * 10**6, 0, 0])
    found = parts(observe(known, batch(times), times_us=now_us))
    assert [found["hour"].counts[h] for h in (5, 23)] == [1, 1]
    assert [found["weekday"].counts[d] for d in (3, 3)] == [2, 2]  # both were Thursdays
    assert found["lag_s"].missing == 1
    assert (found["lag_s"].high, found["lag_s"].low) == (60, -1709247600)
    lag = parts(observe(known, batch(times)))["lag_s"]
    assert (lag.count, lag.missing) == (0, 0)


def test_tensors_are_projected_on_the_axes_of_the_reference() -> None:
    random = np.random.default_rng(0)
    direction = np.ones(16) / 4
    rows = 5 + random.normal(size=(800, 1)) * 10 * direction + random.normal(size=(800, 16))
    known = reference("tensor", rows, shape=(16,))
    assert list(parts(known)) == ["norm", "mean", "axis1", "axis2", "axis3"]
    assert sum(parts(known)["axis1"].counts[1:-1]) == 400  # those that it was not found by
    away = means(observe(known, batch(rows + 7 * direction)))
    here = means(observe(known, batch(rows)))
    assert away["axis1"] - here["axis1"] == pytest.approx(7, rel=0.02)
    assert away["axis2"] == pytest.approx(here["axis2"], abs=0.5)
    assert here["norm"] == pytest.approx(np.linalg.norm(rows, axis=1).mean())


def test_tensors_of_other_shapes_are_measured_as_far_as_they_can_be() -> None:
    known = reference("tensor", np.eye(4), shape=(-1,))
    found = parts(observe(known, batch(np.ones((3, 2)))))
    assert (found["norm"].count, found["axis1"].count, found["axis1"].missing) == (3, 0, 3)
    ragged = parts(observe(known, batch([[1.0, 2.0], [3.0], None, [0.0] * 4])))
    assert (ragged["norm"].count, ragged["norm"].missing) == (3, 1)
    assert (ragged["axis1"].count, ragged["axis1"].missing) == (1, 3)
    assert "axis1" not in parts(reference("tensor", np.zeros((3, 5000)), shape=(5000,)))
    assert "axis1" not in parts(reference("tensor", np.full((3, 2), 7.0), shape=(2,)))


def test_tensors_of_text_are_measured_by_their_characters() -> None:
    words = np.array([["ab", "c"], ["", "d"]], dtype=object)
    assert means(reference("tensor", words, shape=(2,))) == {"characters": 2.0}


def test_named_places_are_measured_each_and_the_largest_is_the_confidence() -> None:
    chances = np.array([[0.2, 0.8], [0.6, 0.4]])
    known = reference("tensor", chances, shape=(2,), categories=("no", "yes"))
    assert means(known) == pytest.approx({"confidence": 0.7, "no": 0.4, "yes": 0.6})
    found = parts(observe(known, batch([[0.5, 0.5], None])))
    assert [(part.count, part.missing) for part in found.values()] == [(1, 1)] * 3
    called_so = reference("tensor", chances, shape=(2,), categories=("no", "confidence"))
    assert means(called_so) == pytest.approx({"no": 0.4, "confidence": 0.6})
    many = reference("tensor", np.eye(40), shape=(40,), categories=tuple(range(40)))
    assert len(parts(many)) == 33


FLAT = np.full((20, 30), 51, dtype=np.uint8)
CHECKS = (np.indices((20, 30)).sum(axis=0) % 2 * 255).astype(np.uint8)

NOISY = picture(np.random.default_rng(0).integers(0, 255, (40, 40)).astype(np.uint8))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_pictures_are_measured_by_form_light_contrast_and_sharpness(form: str) -> None:
    flat, checks = (reference("image", [picture(p, form)]) for p in (FLAT, CHECKS))
    assert (means(flat)["width"], means(flat)["height"]) == (30, 20)
    assert means(flat)["brightness"] == pytest.approx(0.2, abs=0.02)
    assert means(flat)["contrast"] < 0.02 < 0.4 < means(checks)["contrast"]
    assert means(flat)["sharpness"] < 0.01 < 0.5 < means(checks)["sharpness"]
    mode = parts(flat)["mode"]
    assert isinstance(mode, Categorical)
    assert mode.counts == (1,)


def test_broken_and_missing_pictures_are_missing_and_huge_ones_are_not_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = picture(FLAT)
    known = reference("image", [good])
    found = parts(observe(known, batch([NOISY[:60], NOISY[:-90], b"\xff\xd8\xff", None])))
    assert found["size_bytes"].count == 3
    assert found["brightness"].missing == found["mode"].missing == 4
    monkeypatch.setattr(images, "PIXELS_MAX", 100)
    huge = parts(observe(known, batch([good])))
    assert (huge["width"].count, huge["brightness"].missing) == (1, 1)
    tiny = parts(observe(known, batch([picture(FLAT[:1, :1])])))
    assert (tiny["brightness"].count, tiny["sharpness"].missing) == (1, 1)


def test_without_pillow_pictures_are_measured_by_their_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, real = reference("image", [picture(FLAT)]), builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.startswith("PIL"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    found = parts(observe(known, batch([picture(FLAT)])))
    assert (found["size_bytes"].count, found["width"].count, found["width"].missing) == (1, 0, 0)


@pytest.mark.parametrize("described", [f"sha256:{'0' * 64} 1234 bytes", "something else"])
def test_of_media_that_the_log_only_described_the_size_is_left(described: str) -> None:
    kinds: tuple[tuple[FieldKind, bytes], ...] = (
        ("image", picture(FLAT)), ("audio", sound(np.zeros(10))),
    )  # fmt: skip
    for kind, value in kinds:
        found = parts(observe(reference(kind, [value]), batch([described, None])))
        size = found.pop("size_bytes")
        readable = described.startswith("sha")
        assert (size.count, size.missing) == (readable, 2 - readable)
        assert size.high == (1234 if readable else None)
        for leaf in found.values():
            assert (sum(leaf.counts), leaf.missing) == (0, 0)


@pytest.mark.parametrize("bytes_wide", [1, 2, 3, 4])
def test_sounds_are_measured_by_length_rate_loudness_and_silence(bytes_wide: int) -> None:
    tone = np.sin(np.arange(8000) * 0.3) * 0.5
    half = sound(np.concatenate([tone, np.zeros(8000)]), 8000, bytes_wide)
    found = means(reference("audio", [half]))
    assert (found["duration_s"], found["sample_rate_hz"]) == (2.0, 8000)
    assert found["loudness_dbfs"] == pytest.approx(20 * np.log10(0.25), abs=0.1)
    assert found["silence"] == pytest.approx(0.5, abs=0.02)


def test_sounds_of_floats_and_headers_of_flac_are_read() -> None:
    found = means(reference("audio", [float_sound(np.full(800, 0.1))]))
    assert found["loudness_dbfs"] == pytest.approx(-20, abs=0.01)
    assert found["duration_s"] == 0.1
    flac = parts(reference("audio", [flac_header(44_100, 88_200), flac_header(8000, 0)]))
    assert (flac["duration_s"].mean, flac["duration_s"].missing) == (2.0, 1)
    assert (flac["sample_rate_hz"].high, flac["silence"].missing) == (44_100, 2)


def test_broken_sounds_are_missing() -> None:
    good = sound(np.zeros(100))
    header = good[:20]
    hostile = [
        good[:30], b"fLaC", b"ID3", b"OggS", header + struct.pack("<HHIIHH", 1, 0, 0, 0, 0, 16),
        good[:22] + bytes(14) + good[36:], float_sound(np.full(10, np.nan)), None,
    ]  # fmt: skip
    found = parts(observe(reference("audio", [good]), batch(hostile)))
    assert found["loudness_dbfs"].missing == len(hostile)
    assert found["duration_s"].count == 1


def described(data: bytes | None, told: str | None = None) -> str | None:
    """What the sealed log keeps of a picture or a sound."""
    if data is None:
        return None
    told = describe_media(data) if told is None else told
    return f"sha256:{'0' * 64} {len(data)} bytes" + (f"; {told}" if told else "")


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_what_the_log_tells_of_media_counts_as_they_do_themselves(kind: FieldKind) -> None:
    random = np.random.default_rng(1)
    whole: list[bytes] = [
        picture(random.integers(0, 255, (8 + n, 9, 3), dtype=np.uint8))
        if kind == "image"
        else sound(random.normal(0, 0.1, 900 + 100 * n))
        for n in range(20)
    ]
    known, values = reference(kind, whole), [*whole, None, whole[0][:30]]
    mine = parts(observe(known, batch(values)))
    theirs = parts(observe(known, batch([described(value) for value in values])))
    assert mine.keys() == theirs.keys()
    for name, part in mine.items():
        told = theirs[name]
        assert told.missing == part.missing
        if isinstance(part, Categorical):
            assert told.counts == part.counts
        else:
            assert told.count == part.count
            assert told.mean == pytest.approx(part.mean, rel=1e-4)


def test_of_media_that_nobody_looked_at_only_the_size_counts() -> None:
    values = [picture(np.full((8, 8), n, np.uint8)) for n in range(6)]
    told = [described(value, None if n < 2 else "") for n, value in enumerate(values[:5])]
    told.append(described(values[5], "unreadable"))
    found = parts(observe(reference("image", values), batch(told)))
    assert (found["brightness"].count, found["brightness"].missing) == (2, 1)
    assert (found["size_bytes"].count, found["size_bytes"].missing) == (6, 0)


@pytest.mark.parametrize("told", ["width=", "width=wide mode", "=", "width=inf height=nan", "; ;"])
def test_descriptions_that_make_no_sense_are_missing(told: str) -> None:
    values = [picture(np.full((8, 8), n, np.uint8)) for n in range(6)]
    texts = [described(values[0]), described(values[1], told)]
    found = parts(observe(reference("image", values), batch(texts)))
    assert (found["width"].count, found["width"].missing) == (1, 1)


def test_a_row_has_the_same_place_on_an_axis_whatever_rows_stand_beside_it() -> None:
    random = np.random.default_rng(3)
    rows = random.normal(size=(64, 37)) * 1e3
    axes = principal_axes(rows)
    together = measure_tensors(rows, axes)
    for place, row in enumerate(rows):
        alone = measure_tensors(row[None, :], axes)
        assert {name: value[place] for name, value in together.items()} == {
            name: value[0] for name, value in alone.items()
        }
