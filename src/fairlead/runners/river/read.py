"""From a state back to a model of river: no code that is in a file is run, as there is none in it.

Types and functions are looked up by names that are vetted; objects are made without their
constructors, and get their attributes as they were. What a type that river compiled is made of is
read by its own parser.
"""

from __future__ import annotations

import collections
import functools
import operator
import random
import statistics
from collections.abc import Callable, Sequence
from types import FunctionType, MethodType
from typing import Any, Literal

import msgspec
import numpy as np

from fairlead.errors import BundleError
from fairlead.runners.river.names import NATIVE, find, name_of
from fairlead.runners.river.write import ARRAYS, FORMAT, Node

EMPTY: dict[str, Any] = {
    "list": list, "set": set, "dict": dict, "ordered": collections.OrderedDict,
    "counter": collections.Counter, "default": collections.defaultdict,
}  # fmt: skip
"""What is made empty and filled then, so that it may be part of a circle."""


WEIGHT_MAX = 1_000_000
"""Of the parts of a tuple or a frozen set, each as often as it is there."""


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    format: int
    river: str
    root: Any
    nodes: list[list[Any]]
    shapes: list[list[str]]


def read_state(raw: bytes) -> Any:
    """The model of a state.

    Raises:
        BundleError: it is damaged, or names something that is not vetted.
    """
    try:
        state = msgspec.msgpack.decode(raw, type=_State)
        if state.format != FORMAT:
            raise BundleError(f"The state of river has format {state.format}, and not {FORMAT}.")
        return _Made(state).all()
    except BundleError:
        raise
    except BaseException as error:  # river's parsers raise what is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise BundleError(f"The state of river cannot be read ({type(error).__name__}).") from None


class _Made:
    """The parts that are made so far."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self._parts: dict[int, Any] = {}
        self._open: set[int] = set()
        self._weights: dict[int, int] = {}

    def all(self) -> Any:
        """Make every part, then fill those that were made empty: objects first, as others hash."""
        nodes = self._state.nodes
        for place in range(len(nodes)):
            self._part(place)
        for wanted in (True, False):
            for place, node in enumerate(nodes):
                if (node[0] == "object") is wanted:
                    self._fill(self._parts[place], node)
        return self._value(self._state.root)

    def _value(self, value: Any) -> Any:
        if type(value) is not list:
            return value
        (place,) = value
        return self._part(place)

    def _values(self, values: Any) -> list[Any]:
        return [self._value(value) for value in values]

    def _part(self, place: int) -> Any:
        if place not in self._parts:
            if place in self._open or place < 0:
                raise ValueError("a part is made of itself")
            self._open.add(place)
            self._parts[place] = self._make(self._state.nodes[place])
            self._weigh(place)
        return self._parts[place]

    def _weigh(self, place: int) -> None:
        """Refuse what takes for ever to hash: a part counts as often as it is within a tuple."""
        kind, *rest = self._state.nodes[place]
        if kind not in ("tuple", "frozenset"):
            return
        inner = (self._weights.get(value[0], 1) if type(value) is list else 1 for value in rest)
        self._weights[place] = 1 + sum(inner)
        if self._weights[place] > WEIGHT_MAX:
            raise ValueError("a tuple holds too much")

    def _make(self, node: Node) -> Any:
        kind, *rest = node
        if kind in EMPTY:
            return EMPTY[kind]()
        match kind:
            case "object":
                return object.__new__(self._named(self._state.shapes[rest[0]][0]))
            case "name":
                return self._named(rest[0])
            case "native":
                return self._native(*rest)
            case "tuple" | "frozenset":
                return (tuple if kind == "tuple" else frozenset)(self._values(rest))
            case "deque" | "int" | "normal" | "array":
                return PLAIN[kind](*rest)
            case "partial" | "method" | "item" | "random" | "numpy random":
                return BUILT[kind](*self._values(rest))
            case _:
                raise ValueError("a part is of no known kind")

    def _named(self, name: str) -> Any:
        try:
            return find(name)
        except LookupError:
            known = name.replace(":", ".") if name.startswith("river.") else "something"
            raise BundleError(
                f"The model holds {known}, which is not vetted or which this version of river "
                f"does not have; it was packaged with river {self._state.river}."
            ) from None

    def _native(self, name: str, state: bytes | None, *given: Any) -> Any:
        if not name.startswith(NATIVE):
            raise ValueError("a part is of no compiled type")
        if state is None:  # made of what it is given, which must be whole before
            for value in given:
                self._whole(value)
            return self._named(name)(*self._values(given))
        kind = self._named(name)
        made = kind.__new__(kind, *self._values(given))
        made.__setstate__(state)
        return made

    def _whole(self, value: Any) -> None:
        if type(value) is list and self._state.nodes[value[0]][0] in EMPTY:
            self._fill(self._value(value), self._state.nodes[value[0]])

    def _fill(self, part: Any, node: Node) -> None:
        kind, *rest = node
        match kind:
            case "object":
                names = self._state.shapes[rest[0]][1:]
                _set(part, dict(zip(names, self._values(rest[1:]), strict=True)))
            case "list":
                part[:] = self._values(rest)
            case "deque":
                part.extend(self._values(rest[1:]))
            case "set":
                part.update(self._values(rest))
            case "default":
                part.default_factory = self._value(rest[0])
                part.update(_pairs(self._values(rest[1:])))
            case "dict" | "ordered" | "counter":
                for key, value in _pairs(self._values(rest)).items():
                    part[key] = value  # a Counter's update would add


def _set(part: Any, state: dict[str, Any]) -> None:
    """Give an object its attributes, past whatever its class does when one is set.

    None takes the place of what its class defines: an object does what its type does.
    """
    slots = {
        name
        for kind in type(part).__mro__
        for name, found in vars(kind).items()
        if type(found).__name__ == "member_descriptor"
    }
    for name in slots & state.keys():
        object.__setattr__(part, name, state.pop(name))
    for name in state:
        found = next((vars(kind)[name] for kind in type(part).__mro__ if name in vars(kind)), None)
        if name.startswith("__") or callable(found) or hasattr(type(found), "__get__"):
            raise ValueError("an attribute is in the place of a method")
    if state:
        vars(part).update(state)


def _deque(most: int | None, *_: Any) -> Any:
    return collections.deque(maxlen=most)


def _array(dtype: str, shape: list[int], raw: bytes, lies: str) -> Any:
    kind = np.dtype(dtype)
    if kind.kind not in ARRAYS:
        raise ValueError("an array of no numbers")
    order: Literal["C", "F"] = "F" if lies == "F" else "C"
    array = np.frombuffer(raw, kind).reshape(shape, order=order).copy(order="K")
    return array[()] if lies == "scalar" else array


def _partial(function: Any, given: Sequence[Any], *named: Any) -> Any:
    return functools.partial(function, *given, **_pairs(named))


def _method(part: Any, name: str) -> Any:
    """A method of an object's class, whatever the object has by that name itself."""
    found = next((vars(kind)[name] for kind in type(part).__mro__ if name in vars(kind)), None)
    if not isinstance(found, FunctionType) or name_of(found) is None:
        raise ValueError("an object has no such method")
    return MethodType(found, part)


def _random(state: Any) -> random.Random:
    made = random.Random()  # noqa: S311  # a model's own
    made.setstate(state)
    return made


def _numpy_random(keys: Any, place: int, *gauss: Any) -> Any:
    if not 0 <= place <= len(keys):  # numpy would read memory that is not its own
        raise ValueError("a generator stands behind its numbers")
    made = np.random.RandomState(0)
    made.set_state(("MT19937", keys, place, *gauss))
    return made


def _pairs(values: Sequence[Any]) -> dict[Any, Any]:
    """Keys and values that come in turn."""
    return dict(zip(values[::2], values[1::2], strict=True))


PLAIN: dict[str, Callable[..., Any]] = {
    "deque": _deque, "int": int, "normal": statistics.NormalDist, "array": _array,
}  # fmt: skip
"""What is made of plain values; a deque is filled then."""
BUILT: dict[str, Callable[..., Any]] = {
    "partial": _partial, "method": _method, "item": operator.itemgetter, "random": _random,
    "numpy random": _numpy_random,
}  # fmt: skip
"""What is made of other parts, that must be there before."""
