"""The client that programs and notebooks ask endpoints with."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, overload
from urllib.parse import quote

import msgspec

from fairlead.client.answers import Accepted, Listed, Predicted, Ready, not_ours, read_reply
from fairlead.client.policy import Reply
from fairlead.client.tables import answer_frame, encode_row, is_missing, library_of, records
from fairlead.client.transport import Transport, bearer, read_address, tls
from fairlead.clock import Clock, SystemClock
from fairlead.errors import ConfigError, FairleadError, InputError, Problem

T = TypeVar("T")

ROWS_MAX = 1000
BYTES_MAX = 4 * 1024 * 1024
FEEDBACK_COLUMNS = ("id", "value", "name", "time")

Texts = str | Iterable[str | None] | None


class Client:
    """Asks the endpoints of one platform, and tells them what became true.

    It may be shared by threads. Connections are kept open; `close`, or a `with` block, ends
    them. What is safe to send twice is sent again when it fails: questions about endpoints,
    feedback (one value counts once under its id and name), and whatever the server certainly
    did not take up. Rows are not, once the server may have answered and logged them.

    Args:
        url: of the API, e.g. `http://127.0.0.1:8080`.
        timeout_s: how long a request may take, in seconds, retries included.
        retries: how often a request is sent again at most.
        key: shown with every request, where the platform asks for one; what
            `fairlead keys create` printed.
        ca: a file of certificates to trust instead of the system's, PEM; or a context of TLS.
        clock: for what is left of the time.
        sleep: waits some seconds between retries.

    Raises:
        ConfigError: the address, the key, the file or a number cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 30.0,
        retries: int = 3,
        key: str | None = None,
        ca: Path | str | ssl.SSLContext | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 < timeout_s < 1e6 or retries < 0:
            raise ConfigError("`timeout_s` must be more than 0, and `retries` 0 or more.")
        self._clock: Clock = clock or SystemClock()
        address, shown = read_address(url), {} if key is None else bearer(key)
        self._transport = Transport(
            address, timeout_s, retries, self._clock, sleep, shown, tls(address, ca)
        )

    def __repr__(self) -> str:
        return f"Client({str(self._transport.address)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections that are open; the next request opens one again."""
        self._transport.close()

    @overload
    def predict(
        self, endpoint: str, rows: Mapping[str, object], *, units: Texts = ..., ids: Texts = ...
    ) -> dict[str, Any]: ...

    @overload
    def predict(
        self,
        endpoint: str,
        rows: Sequence[Mapping[str, object]],
        *,
        units: Texts = ...,
        ids: Texts = ...,
    ) -> list[dict[str, Any]]: ...

    @overload
    def predict(
        self, endpoint: str, rows: object, *, units: Texts = ..., ids: Texts = ...
    ) -> Any: ...

    def predict(
        self, endpoint: str, rows: object, *, units: Texts = None, ids: Texts = None
    ) -> Any:
        """Ask an endpoint about rows.

        More than 1000 rows, or 4 MiB of them, go in several requests, one after the other; if
        one of these fails, those before it have been answered and logged all the same.

        Args:
            endpoint: its name.
            rows: one row as a dictionary by field name; a list of such; a pandas or Polars
                DataFrame; a NumPy array with the fields in the signature's order. None, NaN
                and NaT stand for a missing value. Times without a zone are UTC.
            units: whose rows they are, e.g. a user's key: one unit always gets the same arm.
                One text for all rows, or one (or None) for each.
            ids: the caller's own keys of the rows, likewise.

        Returns:
            One dictionary for one, a list for a list or an array, a frame of the same library
            for a frame: `id`, `version`, `arm`, and the model's outputs.

        Raises:
            InputError: the rows do not fit; `problems` names each row and field.
            NotFoundError: there is no such endpoint.
            UnavailableError: it cannot be answered now; says if it may have been nevertheless.
            DeadlineError: the answer was not there in time.
            ModelError: the model failed on these rows.
            UnauthorizedError: the platform asks for a key, and none that is valid was shown.
            ForbiddenError: the key is not for this.
        """
        if isinstance(rows, Mapping):
            return self._predict(endpoint, [rows], units, ids)[0]
        answers = self._predict(endpoint, records(rows), units, ids)
        return answers if library_of(rows) is None else answer_frame(rows, answers)

    def _predict(
        self, endpoint: str, rows: Sequence[object], units: Texts, ids: Texts
    ) -> list[dict[str, Any]]:
        unit, caller_id = _texts(units, len(rows), "units"), _texts(ids, len(rows), "ids")
        encoded = [encode_row(row, number) for number, row in enumerate(rows)]
        answers: list[dict[str, Any]] = []
        for part in _parts(encoded):
            body: dict[str, object] = {"rows": [msgspec.Raw(row) for row in encoded[part]]}
            for key, texts in (("unit", unit), ("id", caller_id)):
                if texts is not None:
                    body[key] = texts if isinstance(texts, str) else texts[part]
            try:
                reply = self._post(endpoint, "predict", body, repeatable=False)
                predicted = self._read(reply, Predicted).predictions
            except InputError as error:
                raise _placed(error, part, len(rows)) from None
            if len(predicted) != part.stop - part.start:
                raise not_ours(reply, str(self._transport.address), self._clock.now_us())
            answers.extend(predicted)
        return answers

    def feedback(self, endpoint: str, items: object) -> int:
        """Tell what became true of earlier predictions, e.g. their labels.

        It may be sent twice: one value counts once under its id and name.

        Args:
            endpoint: that made the predictions.
            items: a list of dictionaries, or a pandas or Polars DataFrame with such columns:
                `id` of the prediction, `value`, and where wanted `name` (otherwise `label`)
                and `time` (otherwise now). Other columns of a frame are left aside.

        Returns:
            How many were accepted.

        Raises:
            InputError: an entry has no id of a prediction, or no value.
            NotFoundError: there is no such endpoint.
            UnavailableError: it cannot be taken now.
        """
        rows = _entries(items)
        encoded = [encode_row(row, number) for number, row in enumerate(rows)]
        accepted = 0
        for part in _parts(encoded):
            body = {"feedback": [msgspec.Raw(row) for row in encoded[part]]}
            try:
                reply = self._post(endpoint, "feedback", body, repeatable=True)
                accepted += self._read(reply, Accepted).accepted
            except InputError as error:
                raise _placed(error, part, len(rows)) from None
        return accepted

    def endpoints(self) -> list[dict[str, Any]]:
        """What answers here.

        Returns:
            For each endpoint `name`, `revision` and `arms` with `name`, `version`, `weight`.

        Raises:
            UnavailableError: the server cannot be asked now.
        """
        reply = self._transport.send("GET", "/v1/endpoints", repeatable=True)
        return self._read(reply, Listed).endpoints

    def describe(self, endpoint: str) -> dict[str, Any]:
        """What an endpoint takes and answers.

        Args:
            endpoint: its name.

        Returns:
            `name`, `revision`, `arms`, and `signature` with `inputs` and `outputs`.

        Raises:
            NotFoundError: there is no such endpoint.
            UnavailableError: the server cannot be asked now.
        """
        reply = self._transport.send("GET", _path(endpoint), repeatable=True)
        return self._read(reply, dict[str, Any])

    def ready(self) -> bool:
        """Whether the server says that it answers everything it should; asked once."""
        try:
            reply = self._transport.send("GET", "/health/ready", repeatable=True, retries=0)
            return self._read(reply, Ready).ready
        except FairleadError:
            return False

    def _post(
        self, endpoint: str, door: str, body: Mapping[str, object], *, repeatable: bool
    ) -> Reply:
        path, content = f"{_path(endpoint)}/{door}", msgspec.json.encode(body)
        return self._transport.send("POST", path, content, repeatable=repeatable)

    def _read(self, reply: Reply, form: type[T]) -> T:
        return read_reply(reply, form, str(self._transport.address), self._clock.now_us())


def _path(endpoint: str) -> str:
    return f"/v1/endpoints/{quote(endpoint, safe='')}"


def _parts(encoded: Sequence[bytes]) -> Iterator[slice]:
    """Which rows go together: as many as one request may carry, and always one at least."""
    start = size_bytes = 0
    for place, row in enumerate(encoded):
        full = place - start == ROWS_MAX or size_bytes + len(row) > BYTES_MAX
        if full and place > start:
            yield slice(start, place)
            start, size_bytes = place, 0
        size_bytes += len(row)
    if encoded:
        yield slice(start, len(encoded))


def _texts(texts: Any, rows: int, name: str) -> str | list[str | None] | None:
    """One text for all rows, or a text or None for each."""
    if texts is None or isinstance(texts, str):
        return texts
    each = [None if is_missing(text) else str(text) for text in texts]
    if len(each) != rows:
        raise InputError(f"`{name}` has {len(each)} entries for {rows} rows.")
    return each


def _entries(items: Any) -> list[object]:
    """Feedback one by one, each with an id and a value."""
    rows = records(items)
    if library_of(items) is not None:
        rows = [{k: v for k, v in _mapping(row).items() if k in FEEDBACK_COLUMNS} for row in rows]
    problems = tuple(
        Problem("is missing", row=number, field=key)
        for number, row in enumerate(rows)
        for key in ("id", "value")
        if isinstance(row, Mapping) and is_missing(row.get(key))
    )
    if problems:
        raise InputError(
            f"{len(problems)} entries of the feedback have no 'id' or no 'value'.",
            problems[:20],
            hint="Leave out what is not known yet, and send it once it is.",
        )
    return rows


def _mapping(row: object) -> Mapping[str, object]:
    assert isinstance(row, Mapping)
    return row


def _placed(error: InputError, part: slice, rows: int) -> InputError:
    """An error about some of the rows, in the numbers of all of them."""
    if part.stop - part.start == rows:
        return error
    problems = tuple(
        problem if problem.row is None
        else msgspec.structs.replace(problem, row=problem.row + part.start)
        for problem in error.problems
    )  # fmt: skip
    message = f"In the request with rows {part.start} to {part.stop - 1}: {error.message}"
    return InputError(message, problems, hint=error.hint)
