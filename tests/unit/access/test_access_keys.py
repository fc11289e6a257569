"""Keys: how secrets are written and compared, and what a key allows."""

from __future__ import annotations

import hmac
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.access import KEYS, SCOPES, Gate, Key, KeyBook, Scope, secret_of
from fairlead.access.decide import admit
from fairlead.access.limit import Bucket, Limit, share_of, take
from fairlead.access.secret import digest_of, id_of, write_secret
from fairlead.clock import ManualClock
from fairlead.errors import (
    ConfigError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RateError,
    UnauthorizedError,
)
from fairlead.store.memory import MemoryStore

NOW_US = ManualClock().now_us()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def book(store: MemoryStore, clock: ManualClock) -> KeyBook:
    return KeyBook(store, clock)


def gate(book: KeyBook, clock: ManualClock, workers: int = 1) -> Gate:
    return Gate(book.get, clock, workers)


def bearer(secret: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + secret.encode()}


def key(**given: object) -> Key:
    made = Key(id="1", name="a", digest="", scopes=("predict",), created_us=0)
    return msgspec.structs.replace(made, **given)


@given(st.binary(min_size=32, max_size=32))
def test_a_secret_names_its_key(random: bytes) -> None:
    assert id_of(write_secret("a1b2", random).encode()) == "a1b2"


@given(st.binary(max_size=300))
def test_any_bytes_are_read_as_a_secret_without_fault(secret: bytes) -> None:
    longer = b"x" * 301
    found = Gate(lambda _: key(digest=digest_of(longer)), ManualClock(), 1)
    with pytest.raises(UnauthorizedError):
        found.holder(secret)


@pytest.mark.parametrize(
    ("headers", "secret"),
    [
        ({}, None),
        ({b"authorization": b"Basic eDp5"}, None),
        ({b"authorization": b"Basic eDp5", b"x-api-key": b"k"}, b"k"),
        ({b"authorization": b"bEaReR  k "}, b"k"),
        ({b"authorization": b"Bearer k", b"x-api-key": b"other"}, b"k"),
        ({b"authorization": b"Bearer"}, None),
        ({b"authorization": b"Bearer "}, b""),
    ],
)
def test_a_secret_stands_in_either_header(headers: dict[bytes, bytes], secret: bytes) -> None:
    assert secret_of(headers) == secret


def test_secrets_are_compared_in_constant_time(
    book: KeyBook, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = book.create("a", ["predict"])
    compared = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return real(one, other)

    real: Callable[[str, str], bool] = hmac.compare_digest
    monkeypatch.setattr("hmac.compare_digest", compare)
    gate(book, clock).admit(bearer(secret), "predict", "m")
    for wrong in (secret[:-1] + "x", "fl_nobody_00"):
        with pytest.raises(UnauthorizedError):
            gate(book, clock).admit(bearer(wrong), "predict", "m")
    assert len(compared) == 3, "also where there is no such key"
    assert all(len(one) == len(other) == 64 for one, other in compared)


def test_the_secret_is_kept_nowhere(book: KeyBook, store: MemoryStore) -> None:
    made, secret = book.create("a", ["predict"])
    random = secret.rpartition("_")[2]
    assert len(bytes.fromhex(random)) == 32
    kept = b"".join(KEYS.encode(stored.value) for stored in store.scan(KEYS))
    audit = msgspec.json.encode(store.events())
    for text in (kept.decode(), audit.decode(), repr(made)):
        assert random not in text
    assert made.digest.encode() in kept


def test_a_wrong_secret_of_a_key_is_told_no_more_than_that_of_none(
    book: KeyBook, clock: ManualClock
) -> None:
    _, secret = book.create("a", ["predict"])
    book.revoke("a")
    told = set()
    for wrong in (secret[:-1] + "x", "fl_nobody_00", "junk", secret.upper(), f"{secret} "[1:]):
        with pytest.raises(UnauthorizedError) as refused:
            gate(book, clock).admit(bearer(wrong), "predict", "m")
        told.add(str(refused.value))
        assert wrong not in str(refused.value)
    assert len(told) == 1


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("other", SCOPES)
def test_a_scope_includes_those_below_it_on_the_ladder_alone(scope: Scope, other: Scope) -> None:
    refused = admit(key(scopes=(scope,)), other, "m", 1)
    ladder = ("view", "review", "operate", "admin")
    below = ladder[: ladder.index(scope)] if scope in ladder else ()
    assert (refused is None) == (scope == other or other in below)
    assert refused is None or isinstance(refused, ForbiddenError)


@pytest.mark.parametrize(
    ("endpoints", "endpoint", "allowed"),
    [
        (None, "churn", True),
        (None, "", True),
        (("churn",), "churn", True),
        (("churn", "price"), "price", True),
        (("churn",), "price", False),
        (("churn",), "", False),
        (("churn",), "Churn", False),
        (("churn",), "churn/../price", False),
        ((), "churn", False),
    ],
)
def test_a_key_is_for_its_endpoints_alone(
    endpoints: tuple[str, ...] | None, endpoint: str, allowed: bool
) -> None:
    assert (admit(key(endpoints=endpoints), "predict", endpoint, 1) is None) == allowed


def test_a_key_expires_at_its_moment() -> None:
    assert admit(key(expires_us=10), "predict", "m", 9) is None
    for now_us in (10, 11):
        assert isinstance(admit(key(expires_us=10), "predict", "m", now_us), UnauthorizedError)


def test_a_revoked_key_is_refused_and_says_so_to_its_holder(
    book: KeyBook, clock: ManualClock
) -> None:
    made, secret = book.create("a", ["predict"])
    gate(book, clock).admit(bearer(secret), "predict", "m")
    revoked = book.revoke(made.id)
    assert revoked.revoked_us == clock.now_us()
    with pytest.raises(UnauthorizedError, match="revoked"):
        gate(book, clock).admit(bearer(secret), "predict", "m")
    with pytest.raises(NotFoundError):
        book.revoke(made.id)


def test_what_is_made_and_revoked_stands_in_the_audit(book: KeyBook, store: MemoryStore) -> None:
    made, _ = book.create("shop", ["feedback", "predict"], endpoints=["churn"], rate=5)
    book.revoke("shop", actor="ann")
    first, last = store.events()
    assert (first.action, first.actor, first.subject) == ("create_key", "cli", f"key/{made.id}")
    assert first.detail == {
        "name": "shop", "scopes": "predict feedback", "endpoints": "churn", "rate": 5,
    }  # fmt: skip
    assert (last.action, last.actor, last.subject) == ("revoke_key", "ann", f"key/{made.id}")


def test_a_name_is_free_again_once_its_key_is_revoked(book: KeyBook) -> None:
    book.create("a", ["predict"])
    with pytest.raises(ConflictError, match="already"):
        book.create("a", ["predict"])
    book.revoke("a")
    book.create("a", ["predict"])
    assert [one.revoked_us is None for one in book.all_keys()].count(True) == 1


def test_a_name_that_several_have_revokes_none(book: KeyBook) -> None:
    made = [key(id=place, name="operator") for place in ("1", "2")]
    for one in made:
        book.enter(one, f"fl_{one.id}_x", "cli")
    with pytest.raises(ConflictError, match="1, 2"):
        book.revoke("operator")
    assert book.revoke("2").id == "2"
    assert book.revoke("operator").id == "1"
    with pytest.raises(NotFoundError):
        book.revoke("operatr")


@pytest.mark.parametrize(
    "given",
    [
        {"scopes": []},
        {"name": " "},
        {"name": "a\nb"},
        {"name": "a" * 101},
        {"rate": 0},
        {"rate": -1},
        {"rate": float("nan")},
        {"rate": float("inf")},
        {"burst": 0.5},
        {"days": 0.0},
        {"days": -1.0},
        {"days": 36_501.0},
        {"days": 1e300},
        {"days": float("nan")},
        {"scopes": ["operate"], "endpoints": ["churn"]},
    ],
)
def test_keys_that_make_no_sense_are_not_made(book: KeyBook, given: dict[str, object]) -> None:
    arguments = {"name": "a", "scopes": ["predict"], **given}
    with pytest.raises(ConfigError):
        book.create(**arguments)  # type: ignore[arg-type]
    assert book.all_keys() == []


def test_a_limit_refuses_what_comes_too_fast_and_says_when_to_come_again(
    book: KeyBook, clock: ManualClock
) -> None:
    _, secret = book.create("a", ["predict"], rate=2, burst=3)
    _, free = book.create("b", ["predict"])
    door = gate(book, clock)

    def ask(secret: str = secret) -> None:
        door.admit(bearer(secret), "predict", "m")

    for _ in range(3):
        ask()
    with pytest.raises(RateError) as refused:
        ask()
    assert refused.value.retry_after_s == pytest.approx(0.5)
    for _ in range(10):
        ask(free)
    clock.advance(0.49)
    with pytest.raises(RateError):
        ask()
    clock.advance(0.02)
    ask()
    clock.set(0)  # the wall clock has no say in it
    clock.advance(100)
    for _ in range(3):
        ask()
    with pytest.raises(RateError):
        ask()


def test_what_is_refused_for_another_reason_takes_nothing_of_the_limit(
    book: KeyBook, clock: ManualClock
) -> None:
    _, secret = book.create("a", ["predict"], endpoints=["m"], rate=1, burst=1)
    door = gate(book, clock)
    for scope, endpoint in (("feedback", "m"), ("predict", "other")):
        with pytest.raises(ForbiddenError):
            door.admit(bearer(secret), scope, endpoint)  # type: ignore[arg-type]
    with pytest.raises(UnauthorizedError):
        door.admit(bearer(secret[:-1] + "x"), "predict", "m")
    door.admit(bearer(secret), "predict", "m")


LIMITS = st.builds(Limit, rate=st.floats(0.1, 1e5), burst=st.floats(1, 1e4))


@given(limit=LIMITS, gaps=st.lists(st.floats(0, 5), max_size=60))
def test_no_more_than_rate_and_burst_ever_passes(limit: Limit, gaps: list[float]) -> None:
    bucket: Bucket | None = None
    now_s, passed = 0.0, 0
    for gap_s in gaps:
        now_s += gap_s
        bucket, wait_s = take(bucket, limit, now_s)
        passed += wait_s == 0
        assert passed <= (limit.burst + limit.rate * now_s) * (1 + 1e-9)
        assert 0 <= wait_s <= 1 / limit.rate * (1 + 1e-9)


@given(limit=LIMITS, gaps=st.lists(st.floats(0, 1), max_size=20))
def test_who_comes_when_told_to_is_let_in(limit: Limit, gaps: list[float]) -> None:
    bucket: Bucket | None = None
    now_s = 0.0
    for gap_s in gaps:
        now_s += gap_s
        bucket, wait_s = take(bucket, limit, now_s)
        if wait_s:
            now_s += wait_s * (1 + 1e-9) + 1e-9
            bucket, wait_s = take(bucket, limit, now_s)
            assert wait_s == 0


@given(rate=st.floats(0.1, 1e5), burst=st.floats(1, 1e4), workers=st.integers(1, 64))
def test_workers_together_keep_to_the_limit(rate: float, burst: float, workers: int) -> None:
    share = share_of(key(rate=rate, burst=burst), workers)
    assert share is not None
    assert share.rate * workers == pytest.approx(rate)
    assert 1 <= share.burst <= max(1, burst)
    assert share.burst * workers <= max(burst * (1 + 1e-9), workers)
