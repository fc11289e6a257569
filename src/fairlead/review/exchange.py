"""Tasks as lines for other tools, and decisions as these give them back.

A line is plain (`{"id": ..., "decision": ...}` beside what was asked), or a task of Label Studio,
whose format is at labelstud.io/guide/task_format.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from fairlead.errors import ConfigError
from fairlead.review.question import Question, text_of
from fairlead.review.show import shown
from fairlead.review.tally import guess_of
from fairlead.review.types import Task, Value

Form = Literal["plain", "label-studio"]
ID = "prediction_id"
"""Among the data of a task of Label Studio: what its annotations are told apart by."""
TEXT, TASK = "text", "task"
_CONTROLS = {"choice": "choices", "number": "number", "text": "textarea"}


def write_task(task: Task, question: Question, form: Form) -> dict[str, Any]:
    """A task as one line.

    Args:
        task: to be written; until its decision stands without the guess, unless people are
            assisted.
        question: that it asks.
        form: of the line.
    """
    seen = shown(task)
    if form == "label-studio":
        return _studio(seen, question)
    choices = {"choices": list(question.choices)} if question.choices else {}
    return {
        "id": task.id, "endpoint": task.endpoint, "version": task.version,
        "time": _moment(task.created_us), "reason": task.reason,
        **({"why": task.why} if task.why else {}), "inputs": task.inputs,
        **({} if seen.guess is None else {"guess": seen.guess}), **choices,
        "decision": task.decision,
        **({"decided_by": task.decided_by} if task.decided_by else {}),
    }  # fmt: skip


def _studio(task: Task, question: Question) -> dict[str, Any]:
    """A task of Label Studio; all inputs together are its `text`, unless one has that name."""
    words = "\n".join(f"{name}: {value}" for name, value in task.inputs.items())
    data = {TEXT: words, **task.inputs, ID: task.id}
    about = {"endpoint": task.endpoint, "reason": task.reason}
    line: dict[str, Any] = {
        "data": data,
        "meta": {**about, **({"why": task.why} if task.why else {})},
    }
    guess = guess_of(task, question.field)
    if guess is not None:
        said = [_result(question, guess)]
        line["predictions"] = [{"model_version": task.version, "result": said}]
    if task.decision is not None:
        line["annotations"] = [{"result": [_result(question, task.decision)]}]
    return line


def _result(question: Question, value: Value) -> dict[str, Any]:
    said: dict[str, Any] = {"number": value} if question.form == "number" else {}
    if question.form != "number":
        key = "choices" if question.form == "choice" else "text"
        said = {key: [text_of(value)]}
    name = question.field or "decision"
    kind = _CONTROLS[question.form]
    return {"from_name": name, "to_name": TASK, "type": kind, "value": said}


def read_line(line: object) -> tuple[str, object] | None:
    """The prediction's id and the decision that a line tells, in either form.

    Returns:
        None where nothing is decided: a task without an annotation, or a `decision` of null.

    Raises:
        ConfigError: it is no such line, or does not say what is decided.

    Example:
        >>> read_line({"id": "7", "decision": "left"}), read_line({"id": "7", "decision": None})
        (('7', 'left'), None)
    """
    if not isinstance(line, Mapping):
        raise ConfigError("This is no JSON object.", hint="Expected id and decision.")
    if "data" in line:
        return _annotated(line)
    task = line.get("id")
    if not isinstance(task, str):
        raise ConfigError("There is no 'id' of a prediction.", hint="Expected a text.")
    return None if line.get("decision") is None else (task, line["decision"])


def _annotated(line: Mapping[str, Any]) -> tuple[str, object] | None:
    data, annotations = line["data"], line.get("annotations") or []
    task = data.get(ID) if isinstance(data, Mapping) else None
    if not isinstance(task, str):
        raise ConfigError(f"There is no '{ID}' among its data.", hint="It comes with the export.")
    if not isinstance(annotations, list):
        raise ConfigError("Its annotations are no list.")
    given = [each for each in annotations if _counts(each)]
    said = [_said(each) for each in given]
    if not said:
        return None
    if any(one != said[0] for one in said):
        raise ConfigError("Its annotations do not agree.", hint="Leave one of them.")
    return task, said[0]


def _counts(annotation: object) -> bool:
    """Whether somebody has decided, and not passed it over."""
    return not (isinstance(annotation, Mapping) and annotation.get("was_cancelled"))


def _said(annotation: object) -> object:
    results = annotation.get("result") if isinstance(annotation, Mapping) else None
    found = []
    for result in results if isinstance(results, list) else []:
        value = result.get("value") if isinstance(result, Mapping) else None
        if isinstance(value, Mapping):
            found += [value[key] for key in ("choices", "text", "number") if key in value]
    values = [one for each in found for one in (each if isinstance(each, list) else [each])]
    if len(values) != 1:
        raise ConfigError(
            "Its annotation says nothing that could be the decision, or several things.",
            hint="Expected one choice, one number or one text.",
        )
    return values[0]


def _moment(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat().replace("+00:00", "Z")
