"""Every error that Fairlead raises on purpose.

FairleadError
├── InputError        rows that do not fit a signature; names each row and field
├── MediaTypeError    a body of a form that is not taken
├── NotFoundError     a model, version, endpoint or record that does not exist
│   └── NotListedError a prediction that may wait for a person, but is not before people yet
├── ConflictError     someone else changed it first, or it exists already
├── ConfigError       a setting or an argument that cannot be used
├── BundleError       a bundle that is damaged, forged or of an unknown format
│   └── ReceiptError  a model that does not reproduce its own receipt
├── ExportError       a model that no safe form can be made of
├── ModelError        the model itself failed on rows that were valid
├── UnauthorizedError no key was shown that is valid
├── ForbiddenError    the key that was shown is not for this
├── UnavailableError  not now: starting, draining or overloaded
│   └── RateError     a key's limit is used up for now
├── DeadlineError     the answer was not there in time
├── TooLargeError     more than is taken at once
└── StorageError      a disk, database or blob store that does not do its work

An error says what is wrong, where, what was expected and what to do. It never carries a
traceback, a secret or a caller's value, and a path only where the reader owns the machine.
No transport is known here: each protocol maps `code` to its own status in one table.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


class FairleadError(Exception):
    """Root of the tree.

    Args:
        message: what is wrong, and where.
        hint: what to do about it, if that is known.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with one value of a request."""

    message: str
    row: int | None = None
    field: str | None = None
    expected: str | None = None
    nearest: str | None = None


class InputError(FairleadError):
    """Rows do not fit the signature they were checked against."""

    code = "invalid_input"

    def __init__(self, message: str, problems: tuple[Problem, ...] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class MediaTypeError(FairleadError):
    """A body comes in a form that is not taken here."""

    code = "unsupported_media_type"


class NotFoundError(FairleadError):
    """What was named does not exist."""

    code = "not_found"


class NotListedError(NotFoundError):
    """Nothing is known of a prediction that may be one that still waits for a place in a queue."""

    code = "not_listed"


class ConflictError(FairleadError):
    """The record changed since it was read, or exists already."""

    code = "conflict"


class ConfigError(FairleadError):
    """A setting or an argument cannot be used as it is."""

    code = "invalid_config"


class BundleError(FairleadError):
    """A bundle is damaged, forged, incomplete or of a format that is not known."""

    code = "invalid_bundle"


class ReceiptError(BundleError):
    """A loaded model does not reproduce the answers in its receipt."""

    code = "receipt_failed"


class ExportError(FairleadError):
    """No form of the model can be made that is both safe and equal to it."""

    code = "export_failed"


class ModelError(FairleadError):
    """The model failed on rows that were valid."""

    code = "model_error"


class UnauthorizedError(FairleadError):
    """No key was shown, or none that is valid."""

    code = "unauthorized"


class ForbiddenError(FairleadError):
    """The key that was shown is not for this."""

    code = "forbidden"


class UnavailableError(FairleadError):
    """It cannot be answered now, but could be later.

    Args:
        message: why not.
        retry_after_s: when it is worth asking again, in seconds.
        hint: what to do about it, if that is known.
        shed: what there is too much of, in one word for counters; empty if that is not why.
    """

    code = "unavailable"

    def __init__(
        self, message: str, *, retry_after_s: float = 1.0, hint: str = "", shed: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        self.shed = shed


class RateError(UnavailableError):
    """A key's limit is used up for now."""

    code = "too_many_requests"


class DeadlineError(FairleadError):
    """The answer was not there in time."""

    code = "deadline_exceeded"


class StorageError(FairleadError):
    """A disk, database or blob store failed."""

    code = "storage_failed"


class TooLargeError(FairleadError):
    """What was sent is more than is taken at once."""

    code = "too_large"
