"""The versions in this worker's memory: loaded one at a time, and why others are not there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from fairlead.errors import FairleadError, StorageError, UnavailableError
from fairlead.logs import tell_error
from fairlead.routing import VersionRef
from fairlead.serving.loading.plan import Held
from fairlead.serving.loading.versions import LoadedVersion, VersionLoader

RETRY_S = 0.1


class Shelf:
    """Holds versions, and loads them beside the loop.

    Args:
        loader: of versions.
        changed: called on the loop when a load began or ended, or a version was let go.
    """

    def __init__(self, loader: VersionLoader, changed: Callable[[], None]) -> None:
        self._loader = loader
        self._changed = changed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._sizes: dict[str, int] = {}
        self._reasons: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        self.loaded: dict[str, LoadedVersion] = {}
        self.failed: dict[str, str] = {}
        self.unfetched: dict[str, str] = {}
        self.loading: VersionRef | None = None

    def load(self, ref: VersionRef, endpoint: str) -> None:
        """Begin to load a version for an endpoint; nothing else may be loading."""
        assert self.loading is None
        self.loading = ref
        self._task = asyncio.create_task(self._load(ref, endpoint))
        self._changed()

    async def _load(self, ref: VersionRef, endpoint: str) -> None:
        try:
            loaded = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._loader.load, ref, endpoint
            )
            self.loaded[ref.digest] = loaded
            self._sizes[ref.digest] = loaded.size_bytes
            self.unfetched.pop(ref.digest, None)
        except StorageError as error:  # tried again, after the others
            self.unfetched.pop(ref.digest, None)
            self.unfetched[ref.digest] = f"{ref.name} cannot be fetched: {error}"
            self._reasons[ref.digest] = error.code
            await asyncio.sleep(RETRY_S)
        except FairleadError as error:
            if error.__cause__ is not None:
                tell_error("load_failed", error, version=ref.name, endpoint=endpoint)
            self._fail(ref, str(error), error.code)
        except Exception as error:  # a broken library must not end the worker
            tell_error("load_failed", error, version=ref.name, endpoint=endpoint)
            self._fail(ref, f"loading failed with {type(error).__name__}", "model_error")
        self.loading = None
        self._changed()

    def _fail(self, ref: VersionRef, why: str, code: str) -> None:
        self.failed[ref.digest] = why
        self._reasons[ref.digest] = code

    def refusal(self, digests: Collection[str]) -> FairleadError | None:
        """What callers are told who need versions that cannot be loaded: no more than its kind."""
        lacking = [d for d in digests if d in self.failed or d in self.unfetched]
        if not lacking:
            return None
        return UnavailableError(
            f"The endpoint's model cannot be loaded ({self._reasons[lacking[0]]}).",
            hint="The server's operator finds the reason in the state of its workers.",
            retry_after_s=10.0,
        )

    def size_bytes(self, ref: VersionRef) -> int:
        """The memory that a version took when it was last loaded; 0 if it never was."""
        return self._sizes.get(ref.digest, 0)

    def held(self) -> dict[str, Held]:
        """What is loaded, as a plan sees it."""
        return {
            digest: Held(version.size_bytes, version.used_s, version.in_flight > 0)
            for digest, version in self.loaded.items()
        }

    def unload(self, digest: str) -> None:
        """Let a version go; no request may be under way on it."""
        self.loaded.pop(digest).close()
        self._changed()

    def forget(self, wanted: Callable[[str], bool], sought: Callable[[str], bool]) -> None:
        """Forget failures, such that what failed may be tried again.

        Args:
            wanted: whether any route names a version; failures of others are forgotten.
            sought: whether someone needs it now; what could not be fetched for others, too.
        """
        gone = [digest for digest in self.failed if not wanted(digest)]
        gone += [digest for digest in self.unfetched if not sought(digest)]
        for digest in gone:
            self.failed.pop(digest, None)
            self.unfetched.pop(digest, None)
            self._reasons.pop(digest, None)

    def states(self) -> dict[str, str]:
        """By digest: `loading`, `ready`, or why it failed."""
        return (
            ({self.loading.digest: "loading"} if self.loading else {})
            | dict.fromkeys(self.loaded, "ready")
            | {digest: f"failed: {why}" for digest, why in self.failed.items()}
        )

    def close(self) -> None:
        """Free every version; no request may be under way. A load that is goes on for nothing."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        for version in self.loaded.values():
            version.close()
        self.loaded.clear()
