"""From a model of river to its state: a graph of numbers and names, in msgpack.

The state is a list of nodes. A node is a list: what kind it is, and what it is made of. A value in
it is a plain one, or a list with one number: the place of another node. So parts that several
others hold stay one part, and circles are no trouble.
"""

from __future__ import annotations

import collections
import functools
import operator
import random
import statistics
from collections.abc import Callable, Iterator
from itertools import chain
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType
from typing import Any

import msgspec
import numpy as np

from fairlead.errors import ExportError
from fairlead.runners.river.names import NATIVE, name_of

FORMAT = 1
INT_BITS_MAX = 63
ARRAYS = "biufU"
"""Kinds of dtypes that are numbers or text."""

WAYS = ("__reduce_ex__", "__reduce__", "__getstate__")
"""In which a type may say by itself what it is made of."""

Node = list[Any]
Refer = Callable[[Any], Any]


def write_state(model: object, version: str) -> bytes:
    """A model's state.

    Args:
        model: of river, with plain values and river's own objects inside.
        version: of river.

    Raises:
        ExportError: it holds something else; says what.
    """
    graph = _Graph()
    root = graph.refer(model)
    written = {
        "format": FORMAT, "river": version, "root": root, "nodes": graph.nodes(),
        "shapes": list(graph.shapes),
    }  # fmt: skip
    return msgspec.msgpack.encode(written)


class _Graph:
    """The parts that were met, each once."""

    def __init__(self) -> None:
        self._parts: list[Any] = []  # which keeps them alive, so that no two have one id
        self._places: dict[int, int] = {}
        self._names: dict[Any, str] = {}
        self.shapes: dict[tuple[str, ...], int] = {}

    def refer(self, value: Any) -> Any:
        """A plain value itself; the place of any other."""
        if value is None or type(value) in (bool, float, str, bytes):
            return value
        if type(value) is int and value.bit_length() <= INT_BITS_MAX:
            return value
        place = self._places.setdefault(id(value), len(self._parts))
        if place == len(self._parts):
            self._parts.append(value)
        return [place]

    def nodes(self) -> list[Node]:
        """Of all parts, in the order in which they were met."""
        made: list[Node] = []
        while len(made) < len(self._parts):
            made.append(self._node(self._parts[len(made)]))
        return made

    def _node(self, part: Any) -> Node:
        writer = _WRITERS.get(type(part))
        if writer is not None:
            return writer(part, self.refer)
        if isinstance(part, type | FunctionType | BuiltinFunctionType | MethodDescriptorType):
            return ["name", self._name(part)]
        if isinstance(part, np.ndarray | np.generic) and part.dtype.kind in ARRAYS:
            return _array(part)
        return self._object(part)

    def _name(self, thing: Any) -> str:
        if thing not in self._names:
            name = name_of(thing)
            if name is None:
                raise ExportError(f"It holds {_told(thing)}, which has no safe form.")
            self._names[thing] = name
        return self._names[thing]

    def _object(self, part: Any) -> Node:
        """An object of one of river's types."""
        kind = type(part)
        name = self._name(kind)
        if name.startswith(NATIVE):
            return _native(part, name, self.refer)
        if any(getattr(kind, way, None) is not getattr(object, way, None) for way in WAYS):
            raise ExportError(f"It holds {_told(kind)}, which writes itself in a way of its own.")
        state = {**dict(_slots(part)), **getattr(part, "__dict__", {})}
        shape = self.shapes.setdefault((name, *state), len(self.shapes))
        return ["object", shape, *map(self.refer, state.values())]


def _native(part: Any, name: str, refer: Refer) -> Node:
    """An object of a type that river compiled: its bytes, or what it is made of."""
    if not hasattr(part, "__setstate__"):
        return ["native", name, None, *map(refer, part.__reduce__()[1])]
    given = part.__getnewargs__() if hasattr(part, "__getnewargs__") else ()
    return ["native", name, bytes(part.__getstate__()), *map(refer, given)]


def _array(part: Any) -> Node:
    """Numbers with how they lie in memory, as what changes them in place may count on it."""
    lies = "scalar" if isinstance(part, np.generic) else "F" if np.isfortran(part) else "C"
    raw = part.tobytes(order="F" if lies == "F" else "C")
    return ["array", part.dtype.str, list(part.shape), raw, lies]


def _slots(part: Any) -> Iterator[tuple[str, Any]]:
    """What is kept in slots, of all classes that it is of."""
    for kind in type(part).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(part, name):
                yield name, getattr(part, name)


def _told(thing: Any) -> str:
    """What a type or function is called."""
    return f"{getattr(thing, '__module__', 'builtins')}.{thing.__qualname__}"


def _items(kind: str) -> Callable[[Any, Refer], Node]:
    return lambda part, refer: [kind, *map(refer, part)]


def _pairs(kind: str, *lead: str) -> Callable[[Any, Refer], Node]:
    """A mapping: attributes of it first, then keys and values in turn."""

    def write(part: Any, refer: Refer) -> Node:
        content = map(refer, chain(*part.items()))
        return [kind, *(refer(getattr(part, name)) for name in lead), *content]

    return write


def _method(part: Any, refer: Refer) -> Node:
    if name_of(part.__func__) is None:
        raise ExportError(f"It holds {_told(part)}, which has no safe form.")
    return ["method", refer(part.__self__), part.__func__.__name__]


def _random_state(part: Any, refer: Refer) -> Node:
    _, keys, place, has_gauss, gauss = part.get_state()
    return ["numpy random", refer(keys), place, has_gauss, gauss]


_WRITERS: dict[type, Callable[[Any, Refer], Node]] = {
    int: lambda part, _: ["int", str(part)],
    list: _items("list"),
    tuple: _items("tuple"),
    set: _items("set"),
    frozenset: _items("frozenset"),
    collections.deque: lambda part, refer: ["deque", part.maxlen, *map(refer, part)],
    dict: _pairs("dict"),
    collections.OrderedDict: _pairs("ordered"),
    collections.Counter: _pairs("counter"),
    collections.defaultdict: _pairs("default", "default_factory"),
    functools.partial: lambda part, refer: [
        "partial", refer(part.func), refer(part.args), *map(refer, chain(*part.keywords.items())),
    ],
    operator.itemgetter: lambda part, refer: ["item", *map(refer, part.__reduce__()[1])],
    MethodType: _method,
    random.Random: lambda part, refer: ["random", refer(part.getstate())],
    np.random.RandomState: _random_state,
    statistics.NormalDist: lambda part, _: ["normal", part.mean, part.stdev],
}  # fmt: skip
