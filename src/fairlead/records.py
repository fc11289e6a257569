"""Records: frozen values under ordered string keys, typed by their kind.

A `Kind` ties a key prefix to a msgspec Struct, so that the store is typed without knowing any
domain. A record's bytes are JSON `[version, value]`: readable by hand, refused when newer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from fairlead.errors import StorageError

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of record.

    Args:
        prefix: what its keys start with, without the slash: `release`.
        type: the frozen Struct its values are.
        version: of the Struct's shape; raised when old bytes would be misread.
        older: by version, what brings a value of that shape to the one after it.

    Example:
        >>> class Note(msgspec.Struct, frozen=True):
        ...     text: str
        >>> notes = Kind("note", Note)
        >>> notes.key("a", "b")
        'note/a/b'
        >>> notes.decode(notes.encode(Note("hello")))
        Note(text='hello')
    """

    prefix: str
    type: type[T]
    version: int = 1
    older: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = field(
        default_factory=dict, compare=False
    )
    _decoder: msgspec.json.Decoder[tuple[int, T]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        decoder = msgspec.json.Decoder(tuple[int, self.type])  # type: ignore[name-defined]
        object.__setattr__(self, "_decoder", decoder)

    def key(self, *parts: str) -> str:
        """The key of the record that `parts` name, e.g. `release/churn/7`."""
        return "/".join((self.prefix, *parts))

    def encode(self, value: T) -> bytes:
        """Write a value as the bytes that are stored.

        Raises:
            StorageError: it could not be read back: a number that must not be missing is NaN or
                infinite, which JSON has no word for.
        """
        raw = msgspec.json.encode((self.version, value))
        try:
            self._decoder.decode(raw)
        except msgspec.DecodeError as error:
            raise StorageError(
                f"A record of kind '{self.prefix}' cannot be written: {error}.",
                hint="NaN and infinity cannot stand where a number must.",
            ) from error
        return raw

    def decode(self, raw: bytes) -> T:
        """Read a value back.

        Raises:
            StorageError: the bytes are damaged, or were written by a newer Fairlead.
        """
        try:
            version, value = self._decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StorageError(
                f"A record of kind '{self.prefix}' cannot be read: {error}.",
                hint="It may have been written by another version of Fairlead.",
            ) from error
        if version > self.version:
            raise StorageError(
                f"A record of kind '{self.prefix}' has version {version}; "
                f"this Fairlead reads up to {self.version}.",
                hint="Upgrade Fairlead on this machine.",
            )
        return value

    def _decode(self, raw: bytes) -> tuple[int, T]:
        if not self.older:
            return self._decoder.decode(raw)
        version, plain = msgspec.json.decode(raw, type=tuple[int, msgspec.Raw])
        if version not in self.older:
            return self._decoder.decode(raw)
        value = msgspec.json.decode(plain, type=dict[str, Any])
        for each in range(version, self.version):
            if each in self.older:
                value = self.older[each](value)
        return version, msgspec.convert(value, self.type)
