"""The state of one home, opened: what commands, notebooks and processes work with."""

from __future__ import annotations

import contextlib
from concurrent.futures import Executor
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from fairlead.access import EntryBook, KeyBook, LinkBook, UserBook
from fairlead.alerts import AlertBook
from fairlead.app.home import Home, find_home
from fairlead.app.learning.specs import learners
from fairlead.app.operator import operator_secret
from fairlead.app.remains import remains_key
from fairlead.app.settings import Settings, load_settings, schedules, updates
from fairlead.app.supervisor import Addresses
from fairlead.app.tls import own_context
from fairlead.app.user import user
from fairlead.bundle import Bundle, BundleCache, KeyRing, pack, read_file
from fairlead.client import Client
from fairlead.clock import Clock, SystemClock
from fairlead.errors import NotFoundError, UnavailableError
from fairlead.learning import OnlineBook
from fairlead.lookup import Tables, open_tables
from fairlead.nearest import nearest
from fairlead.profiles import REFERENCE, Profile, decode
from fairlead.registry import Registry, Version, check_kept
from fairlead.releases import ReleaseController
from fairlead.review.book import ReviewBook
from fairlead.routing import ROUTES, Route, VersionRef
from fairlead.schedules import JobBook
from fairlead.store import Blobs, Store, open_blobs, open_store
from fairlead.updates import UpdateBook, UpdateSpec

if TYPE_CHECKING:
    import polars as pl

    from fairlead.releases.witness import Witness


class Workspace:
    """A home and everything in it.

    Args:
        home: the folder; found from where one stands if not given.
        clock: for the times of records.
        settings: those in force, where the file may say otherwise by now.
        beside: who does for its owner what takes long; None to do it at once.
    """

    def __init__(
        self,
        home: Path | None = None,
        clock: Clock | None = None,
        *,
        settings: Settings | None = None,
        beside: Executor | None = None,
    ) -> None:
        self.home: Home = find_home(home)
        self.clock: Clock = clock or SystemClock()
        self._settings = settings
        self._beside = beside

    @cached_property
    def settings(self) -> Settings:
        """What `fairlead.toml` says."""
        return self._settings or load_settings(self.home.settings_file)

    @cached_property
    def store(self) -> Store:
        """Records."""
        return open_store(self.settings.server.store or self.home.store_url)

    @cached_property
    def blobs(self) -> Blobs:
        """Bundles and sealed logs."""
        return open_blobs(self.settings.server.blobs or self.home.blobs_url)

    @cached_property
    def keys(self) -> KeyRing:
        """Who signs here, and whose signatures are accepted."""
        return KeyRing(self.home.keys)

    @cached_property
    def key_book(self) -> KeyBook:
        """The keys of callers."""
        return KeyBook(self.store, self.clock)

    @cached_property
    def user_book(self) -> UserBook:
        """The people who sign in."""
        return UserBook(self.store, self.clock)

    @cached_property
    def entry_book(self) -> EntryBook:
        """The links that sign in once."""
        return EntryBook(self.store, self.clock)

    @cached_property
    def link_book(self) -> LinkBook:
        """The published pages on which endpoints are tried."""
        return LinkBook(self.store, self.clock)

    def operator_secret(self) -> str:
        """The secret of a key for everything, with which this home speaks to its platform."""
        return operator_secret(self.home.operator_file, self.key_book, self.clock)

    @cached_property
    def bundles(self) -> BundleCache:
        """Bundles on this machine."""
        return BundleCache(self.blobs, self.home.cache, self.keys)

    @cached_property
    def registry(self) -> Registry:
        """Models, versions, aliases."""
        return Registry(self.store, self.blobs, self.clock)

    @cached_property
    def releases(self) -> ReleaseController:
        """Moves endpoints from version to version."""
        return ReleaseController(self.store, self.clock, lambda one: self.witness.evidence(one))

    @cached_property
    def witness(self) -> Witness:
        """Sees what becomes of the requests that releases concern."""
        from fairlead.releases.witness import Witness

        return Witness(self.store, self.blobs, self.clock, self._beside)

    @cached_property
    def alert_book(self) -> AlertBook:
        """Alerts and silences."""
        return AlertBook(self.store, self.clock)

    @cached_property
    def job_book(self) -> JobBook:
        """Scheduled jobs."""
        return JobBook(self.store, self.clock, schedules(self.settings))

    @cached_property
    def online_book(self) -> OnlineBook:
        """Models that learn as labels arrive."""

        def is_numbers(version: str) -> bool:
            return self.registry.resolve(version).task == "regression"

        return OnlineBook(self.store, self.clock, learners(self.settings), is_numbers)

    @cached_property
    def update_specs(self) -> tuple[UpdateSpec, ...]:
        """How models are kept right."""
        file = self.home.settings_file
        return () if file is None else updates(self.settings, file.parent)

    @cached_property
    def update_book(self) -> UpdateBook:
        """The updates of models."""
        return UpdateBook(self.store, self.clock, self.update_specs)

    @cached_property
    def review_book(self) -> ReviewBook:
        """What people decide."""
        return ReviewBook(self.store, self.clock)

    @cached_property
    def tables(self) -> Tables:
        """What is looked up by keys."""
        return open_tables(self.settings.server.lookup or self.home.lookup_url)

    def route(self, endpoint: str) -> Route:
        """One endpoint's route.

        Raises:
            NotFoundError: there is none; names the nearest.
        """
        stored = self.store.get(ROUTES, ROUTES.key(endpoint))
        if stored is not None:
            return stored.value
        close = nearest(endpoint, [each.value.endpoint for each in self.store.scan(ROUTES)])
        raise NotFoundError(
            "There is no endpoint of this name.",
            hint=f"Did you mean '{close}'?" if close else "'fairlead endpoints' lists all.",
        )

    def stable(self, endpoint: str) -> VersionRef:
        """The version that answers an endpoint, whatever else is tried beside it.

        Raises:
            NotFoundError: there is none.
        """
        stored = self.store.get(ROUTES, ROUTES.key(endpoint))
        for arm in () if stored is None else stored.value.arms:
            if arm.role == "stable":
                return arm.version
        raise NotFoundError(
            f"No version answers the endpoint {endpoint}.",
            hint="Deploy one; a scheduled job may also name one: version = 'churn@champion'.",
        )

    def register(self, bundle: Bundle, actor: str = "") -> Version:
        """Put a bundle into the registry, as the next version of its model.

        Args:
            bundle: verified.
            actor: who does; the user of this process if not given.
        """
        with TemporaryDirectory(dir=self.home.cache, prefix="pack-") as folder:
            archive = Path(folder) / f"{bundle.digest}.fairlead"
            pack(bundle, archive)
            return self.registry.register(archive, bundle.info, bundle.digest, actor or user())

    def bundle(self, version: Version) -> Bundle:
        """A version's bundle, verified, in this home's cache.

        Raises:
            NotFoundError: it was let go.
        """
        check_kept(version)
        return self.bundles.get(version.blob, version.digest)

    def reference(self, version: str) -> Profile:
        """The profile of a version's reference rows, which outlives its bundle.

        Raises:
            NotFoundError: there is no such version.
        """
        found = self.registry.resolve(version)
        if found.let_go_us is not None:
            return decode(self.blobs.get(remains_key(found, REFERENCE)))
        return decode(read_file(self.bundle(found), REFERENCE))

    def ref(self, version: Version, *, allow_pickle: bool = False) -> VersionRef:
        """A version as routes name it.

        Raises:
            NotFoundError: its bundle was let go.
        """
        check_kept(version)
        return VersionRef(version.name, version.digest, version.blob, allow_pickle)

    def read(self, endpoint: str) -> pl.LazyFrame:
        """An endpoint's predictions with what is known of their labels."""
        from fairlead.predictionlog.read import read

        return read(self.store, self.blobs, self.home.journals, endpoint)

    def addresses(self) -> Addresses:
        """Where the platform of this home is reached.

        Raises:
            UnavailableError: none is running.
        """
        if self.home.is_served():
            with contextlib.suppress(FileNotFoundError):  # it is just starting
                raw = self.home.addresses_file.read_bytes()
                return msgspec.json.decode(raw, type=Addresses)
        raise UnavailableError(
            "Nothing is running at this home.",
            hint="Start it with 'fairlead up'; 'fairlead home' prints which home this is.",
        )

    def client(self, addresses: Addresses | None = None) -> Client:
        """Asks the platform of this home, with the operator's key if it asks for one.

        Args:
            addresses: of it, if they are known.

        Raises:
            UnavailableError: none is running.
        """
        addresses = addresses or self.addresses()
        return Client(
            addresses.api,
            key=self.operator_secret() if addresses.keys else None,
            ca=own_context(addresses.tls_cert) if addresses.tls_cert else None,
        )

    def close(self) -> None:
        """Let go of the stores."""
        if "store" in self.__dict__:
            self.store.close()
        if "tables" in self.__dict__:
            self.tables.close()
