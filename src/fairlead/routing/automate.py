"""Which rows a model decides by itself: a condition over its answers, read once for a route.

    confidence >= 0.97 and label != "fraud"

Parts are joined with `and`. A part compares `confidence` (the largest of a row's probabilities),
`probability[LABEL]` or an output of one value a row with a value. A row without that value fits
no part: what is not known a person decides.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.errors import ConfigError
from fairlead.names import check_name
from fairlead.nearest import nearest
from fairlead.routing.types import Automation
from fairlead.signature import Batch, Field

CONFIDENCE, PROBABILITY, PROBABILITIES = "confidence", "probability", "probabilities"
CHARACTERS_MAX = 500
NUMBERS = frozenset({"number", "integer", "boolean"})
TEXTS = frozenset({"category", "text"})

Compare = Callable[[Any, Any], Any]
_COMPARE: dict[str, Compare] = {
    ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_PART = re.compile(
    r"""\s*(?P<name>[^\s\[\]<>=!"']+)
        (?:\[\s*(?P<label>"[^"]*"|'[^']*'|[^\]"']*?)\s*\])?
        \s*(?P<op>>=|<=|==|!=|>|<)
        \s*(?P<value>"[^"]*"|'[^']*'|[^\s<>=!"']+)
        \s*(?:(?P<more>\band\b)|\Z)""",
    re.VERBOSE,
)
_FORM = "Write parts such as 'confidence >= 0.97' or 'label == \"no\"', joined with 'and'."


class _Part(msgspec.Struct, frozen=True):
    """One comparison.

    Args:
        field: the output whose values are compared.
        compare: how.
        value: with what.
        place: of the label whose probability it is; -1 for the largest, None of other outputs.
    """

    field: str
    compare: Compare
    value: float | Any
    place: int | None = None


class Condition(msgspec.Struct, frozen=True):
    """Says of each row of answers whether the model decides it.

    Args:
        parts: all of which must fit.
    """

    parts: tuple[_Part, ...]

    def holds(self, answers: Batch) -> npt.NDArray[np.bool_]:
        """Which rows it holds for, (rows,).

        Args:
            answers: with the outputs that it was read for.
        """
        held = np.ones(answers.rows, np.bool_)
        for part in self.parts:
            held &= _fits(part, answers)
        return held


def read_condition(text: str, outputs: Sequence[Field]) -> Condition:
    """Read a condition.

    Args:
        text: `confidence >= 0.97`.
        outputs: of the model, or of the endpoint.

    Raises:
        ConfigError: it is none over these outputs; says what is wrong with it.

    Example:
        >>> label = Field(name="label", kind="category", categories=("no", "yes"))
        >>> condition = read_condition("label == no", [label])
        >>> answers = np.array(["no", "yes", None], dtype=object)
        >>> condition.holds(Batch(3, (), np.empty((3, 0)), {"label": answers})).tolist()
        [True, False, False]
    """
    return Condition(tuple(_part_of(match, outputs) for match in _matches(text)))


def check_automation(automation: Automation, outputs: Sequence[Field]) -> None:
    """Check that an endpoint can be automated so far.

    Args:
        automation: as it shall be.
        outputs: of the endpoint.

    Raises:
        ConfigError: it cannot; says what is wrong.
    """
    mode = automation.mode
    if mode == "partial":
        if not automation.auto_if.strip():
            raise ConfigError(
                "The mode 'partial' needs a condition by which the model decides.",
                hint="Say which rows: --auto-if 'confidence >= 0.97'.",
            )
        read_condition(automation.auto_if, outputs)
    elif automation.auto_if:
        raise ConfigError(
            f"The mode '{mode}' has no condition: it is the same for all rows.",
            hint="Leave 'auto_if' out, or take the mode 'partial'.",
        )
    if not 0.0 <= automation.audit <= 1.0:
        raise ConfigError("'audit' is no share.", hint="Give 0 to 1, as 0.02.")
    if automation.audit and mode not in ("partial", "full"):
        raise ConfigError(
            f"The mode '{mode}' has no audit: a person looks at every row.",
            hint="Leave 'audit' out, or take the mode 'partial' or 'full'.",
        )
    if automation.queue:
        check_name(automation.queue, "queue")


def _matches(text: str) -> Iterator[re.Match[str]]:
    """The parts of a condition as they stand, one after the other."""
    if len(text) > CHARACTERS_MAX:
        raise ConfigError(f"A condition has at most {CHARACTERS_MAX} characters.", hint=_FORM)
    start, more = 0, True
    while more:
        match = _PART.match(text, start)
        if match is None:
            raise ConfigError(
                f"The condition cannot be read from its character {start + 1} on.", hint=_FORM
            )
        yield match
        start, more = match.end(), match["more"] is not None
    if start != len(text):
        raise ConfigError(
            f"The condition cannot be read from its character {start + 1} on.", hint=_FORM
        )


def _part_of(match: re.Match[str], outputs: Sequence[Field]) -> _Part:
    name, label, compare = match["name"], match["label"], _COMPARE[match["op"]]
    fields = {field.name: field for field in outputs}
    if name == CONFIDENCE and name not in fields and label is None:
        _probabilities(fields, name)
        return _Part(PROBABILITIES, compare, _probability_of(match, name), -1)
    if name == PROBABILITY and name not in fields:
        place = _place_of(_unquoted(label or ""), _probabilities(fields, name))
        return _Part(PROBABILITIES, compare, _probability_of(match, name), place)
    field = fields.get(name)
    if field is None or label is not None or field.kind not in NUMBERS | TEXTS:
        raise _unknown(name, outputs)
    if field.kind in NUMBERS:
        return _Part(name, compare, _number_of(match, name))
    if match["op"] not in ("==", "!="):
        raise ConfigError(
            f"The condition orders '{name}', which is no number.", hint="Use == or !=."
        )
    return _Part(name, compare, _category_of(_unquoted(match["value"]), field))


def _probabilities(fields: dict[str, Field], name: str) -> Field:
    field = fields.get(PROBABILITIES)
    if field is None or not field.categories or len(field.shape) != 1:
        raise ConfigError(
            f"The condition asks for '{name}', but the endpoint answers no probabilities.",
            hint=_there_is([*fields.values()]),
        )
    return field


def _place_of(label: str, field: Field) -> int:
    return _listed(label, [str(each) for each in field.categories or ()])


def _category_of(text: str, field: Field) -> Any:
    """What a text means among the values of a field."""
    if not field.categories:
        return text
    return field.categories[_listed(text, [str(each) for each in field.categories])]


def _listed(label: str, labels: list[str]) -> int:
    if label in labels:
        return labels.index(label)
    close = nearest(label, labels)
    raise ConfigError(
        "The condition names a label that the endpoint does not answer.",
        hint=f"Did you mean '{close}'?" if close else f"There are: {', '.join(labels[:20])}.",
    )


def _number_of(match: re.Match[str], name: str) -> float:
    value = match["value"]
    if value in ("true", "false"):
        return float(value == "true")
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise ConfigError(f"The condition compares '{name}' with what is no number.", hint=_FORM)
    return number


def _probability_of(match: re.Match[str], name: str) -> float:
    number = _number_of(match, name)
    if not 0.0 <= number <= 1.0:
        raise ConfigError(
            f"The condition compares '{name}' with what is no probability.", hint="Give 0 to 1."
        )
    return number


def _unknown(name: str, outputs: Sequence[Field]) -> ConfigError:
    close = nearest(name, _names(outputs))
    return ConfigError(
        f"The condition names '{name[:100]}', which is nothing that it can compare.",
        hint=f"Did you mean '{close}'?" if close else _there_is(outputs),
    )


def _there_is(outputs: Sequence[Field]) -> str:
    return f"There is: {', '.join(_names(outputs)) or 'nothing of one value a row'}."


def _names(outputs: Sequence[Field]) -> list[str]:
    """What a condition may name."""
    names = [field.name for field in outputs if field.kind in NUMBERS | TEXTS]
    known = any(f.name == PROBABILITIES and f.categories and len(f.shape) == 1 for f in outputs)
    return [*([CONFIDENCE, f"{PROBABILITY}[LABEL]"] if known else []), *names]


def _unquoted(text: str) -> str:
    return text[1:-1] if text[:1] in ("'", '"') else text


def _fits(part: _Part, answers: Batch) -> npt.NDArray[np.bool_]:
    """Which rows a part fits; none of those without a value."""
    column = answers.column(part.field)
    if part.place is None and column.dtype.hasobject:
        there = np.array([value is not None for value in column.tolist()], np.bool_)
        same = np.array([value == part.value for value in column.tolist()], np.bool_)
        return there & (same if part.compare is operator.eq else ~same)
    numbers = cast("npt.NDArray[np.float64]", column)
    if part.place is not None:
        numbers = numbers.max(axis=1) if part.place < 0 else numbers[:, part.place]
    found = np.asarray(part.compare(numbers, part.value), np.bool_)
    return found & ~np.isnan(numbers)
