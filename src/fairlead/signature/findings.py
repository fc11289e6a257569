"""What is wrong with a batch, gathered row by row and field by field, bounded in size."""

from __future__ import annotations

from fairlead.errors import InputError, Problem

LISTED_MAX = 20
FIELDS_MAX = 1000  # described; callers make names up
HINT = "No row was answered: correct the rows and send the whole request again."


class Findings:
    """Collects problems: all are counted, the first few of each field are described.

    Args:
        rows: of the batch.
        listed_max: how many of each field are described.

    Example:
        >>> findings = Findings(rows=2)
        >>> findings.add("is missing", row=1, field="age", expected="a number")
        >>> findings.error().message
        "Row 1, field 'age': is missing."
    """

    def __init__(self, rows: int, listed_max: int = LISTED_MAX) -> None:
        self.rows = rows
        self._listed_max = listed_max
        self.count = 0
        self._described: list[Problem] = []
        self._per_field: dict[str | None, int] = {}

    def add(
        self,
        message: str,
        *,
        row: int | None = None,
        field: str | None = None,
        expected: str | None = None,
        nearest: str | None = None,
    ) -> None:
        """Note one problem.

        Args:
            message: what is wrong, without naming the place: "is missing".
            row: the row's number, from 0; None for all rows.
            field: the field's name.
            expected: what should be there.
            nearest: the known name that is most like an unknown one.
        """
        self.count += 1
        seen = self._per_field.get(field, 0)
        if seen or len(self._per_field) < FIELDS_MAX:
            self._per_field[field] = seen + 1
            if seen >= self._listed_max:
                return
            self._described.append(Problem(message, row, field, expected, nearest))

    @property
    def described(self) -> tuple[Problem, ...]:
        """Those that are described, in the order they were found."""
        return tuple(self._described)

    def error(self) -> InputError:
        """The error that tells a caller all of it."""
        first_rows_first = sorted(
            self._described, key=lambda problem: -1 if problem.row is None else problem.row
        )
        listed = tuple(first_rows_first[:LISTED_MAX])
        first = _sentence(listed[0])
        if self.count == 1:
            return InputError(first, listed, hint=HINT)
        message = f"{self.count} problems in {self.rows} rows. The first: {first}"
        return InputError(message, listed, hint=HINT)

    def raise_if_any(self) -> None:
        """Raise what was found, if anything was.

        Raises:
            InputError: with the problems.
        """
        if self.count:
            raise self.error()


def _sentence(problem: Problem) -> str:
    place = [] if problem.row is None else [f"row {problem.row}"]
    if problem.field is not None:
        place.append(f"field '{problem.field}'")
    where = ", ".join(place)
    text = f"{where}: {problem.message}" if where else problem.message
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
