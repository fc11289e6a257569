"""The hot path of native JSON by column: bytes to typed lists, and those to a batch at once.

The counterpart of `decode` for bodies that hold one list for each field. What is refused on the
way is read again by `from_columns`, the slow, exact path, which says all that is wrong.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from fairlead.errors import InputError
from fairlead.nearest import nearest
from fairlead.signature.columns import ABSENT, assemble, read_column
from fairlead.signature.decode import gatherer, settler, struct_type, value_types
from fairlead.signature.findings import Findings
from fairlead.signature.kinds import RULES
from fairlead.signature.read import Refused, describe
from fairlead.signature.records import EMPTY, NAMES_COMPARED_MAX, add_unknown, shown
from fairlead.signature.types import NUMERIC, Batch, Column, Numbers, Signature

HINT = 'Send one list for each field: {"columns": {"<field>": [<value>, ...], ...}}.'


class ColumnDecoder:
    """Makes batches of requests to one signature whose body holds columns.

    Args:
        signature: what the columns must fit.

    Attributes:
        columns_type: the type of all columns for msgspec, to be used inside the type of a
            request's envelope.

    Example:
        >>> from fairlead.signature import Field
        >>> fields = (Field(name="age", kind="number"), Field(name="plan", kind="text"))
        >>> decoder = ColumnDecoder(Signature(inputs=fields, outputs=()))
        >>> raw = b'{"plan": ["pro", "free"], "age": [42, 7]}'
        >>> batch = decoder.gather(msgspec.json.decode(raw, type=decoder.columns_type))
        >>> batch.numbers.tolist(), batch.columns["plan"].tolist()
        ([[42.0], [7.0]], ['pro', 'free'])
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.columns_type: Any = _columns_type(signature)
        self._numeric = tuple(field.name for field in signature.numeric)
        self._numbers = [
            (f"f{place}", RULES[field.kind].reader(field) if field.coerce else None)
            for place, field in enumerate(signature.inputs)
            if field.kind in NUMERIC
        ]
        self._others = [
            (f"f{place}", field.name, gatherer(field))
            for place, field in enumerate(signature.inputs)
            if field.kind not in NUMERIC
        ]
        self._settle = settler(signature)

    def gather(self, columns: Any) -> Batch:
        """Make a batch of what msgspec decoded as `columns_type`.

        Raises:
            InputError: there is no row, the columns differ in length, or values do not fit.
        """
        try:
            return self._gather(columns)
        except (Refused, LookupError, TypeError, ValueError):
            return self.recover(_plain(self.signature, columns))

    def recover(self, columns: object) -> Batch:
        """Read columns that were refused on the fast path again, exactly.

        Args:
            columns: as plain Python objects, as `parse_json` gives them.

        Raises:
            InputError: with all that is wrong.
        """
        return from_columns(self.signature, columns)

    def _gather(self, columns: Any) -> Batch:
        lists: dict[str, Any] = msgspec.structs.asdict(columns)
        lengths = {len(values) for values in lists.values() if values is not None}
        if len(lengths) != 1 or 0 in lengths:
            raise Refused("columns that are empty or unequal")
        rows = lengths.pop()
        for key, values in lists.items():
            if values is None:
                lists[key] = [None] * rows
        numbers = self._matrix(lists, rows)
        self._settle(numbers)
        others = {name: gather(lists[key]) for key, name, gather in self._others}
        return Batch(rows, self._numeric, numbers, others)

    def _matrix(self, lists: Mapping[str, list[Any]], rows: int) -> Numbers:
        if not self._numbers:
            return np.empty((rows, 0))
        read = [
            lists[key] if read is None else [read(v) if type(v) is str else v for v in lists[key]]
            for key, read in self._numbers
        ]
        return np.ascontiguousarray(np.array(read, dtype=np.float64).T)


def _columns_type(signature: Signature) -> Any:
    """A Struct with a list for each field; Any where a name cannot be a key of one."""
    lists = [types.GenericAlias(list, (kind,)) for kind in value_types(signature)]
    return struct_type("Columns", signature, lists)


def _plain(signature: Signature, columns: Any) -> object:
    if not isinstance(columns, msgspec.Struct):
        return columns
    values = {
        field.name: getattr(columns, f"f{place}") for place, field in enumerate(signature.inputs)
    }
    return {name: value for name, value in values.items() if value is not None}


def from_columns(signature: Signature, columns: object) -> Batch:
    """Read columns exactly.

    Args:
        signature: what they must fit.
        columns: an object with a list for each field by name, all of one length.

    Raises:
        InputError: something is wrong; names every row and field, up to a bounded list.

    Example:
        >>> from fairlead.signature import Field
        >>> ages = Signature(inputs=(Field(name="age", kind="number"),), outputs=())
        >>> from_columns(ages, {"age": [42, 7]}).numbers.tolist()
        [[42.0], [7.0]]
    """
    lists = _lists(columns)
    rows = len(next(iter(lists.values()), ()))
    if not rows:
        raise InputError(EMPTY, hint=HINT)
    findings = Findings(rows)
    names = [field.name for field in signature.inputs]
    if signature.extra == "error":
        for place, name in enumerate(lists.keys() - set(names)):
            likely = nearest(name, names) if place < NAMES_COMPARED_MAX else None
            add_unknown(name, likely, None, findings)
    read: dict[str, Column] = {}
    for field in signature.inputs:
        values = lists.get(field.name)
        column = read_column(field, [ABSENT] * rows if values is None else values, findings)
        if column is not None:
            read[field.name] = column
    findings.raise_if_any()
    return assemble(signature.inputs, rows, read)


def _lists(columns: object) -> dict[str, list[object]]:
    """The columns, if they are lists of one length."""
    if not isinstance(columns, Mapping):
        raise InputError(f"The columns must be an object, got {describe(columns)}.", hint=HINT)
    lists: dict[str, list[object]] = {}
    longest = max((len(v) for v in columns.values() if isinstance(v, list)), default=0)
    findings = Findings(longest)
    for name, values in columns.items():
        if not isinstance(values, list):
            findings.add(
                f"is not a list but {describe(values)}", field=shown(name), expected="a list"
            )
        elif len(values) != longest:
            findings.add(
                f"has {len(values)} values where another column has {longest}",
                field=shown(name),
                expected=f"{longest} values",
            )
        else:
            lists[str(name)] = values
    findings.raise_if_any()
    return lists
