"""A version as an ONNX file with its description, for a phone or any other program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import msgspec

from fairlead.bundle import Bundle, TensorInput, decode_receipt, read_file
from fairlead.bundle.types import MISSING_TEXT
from fairlead.export.graph import check_domains, read_graph
from fairlead.export.mobile import Mobile, mobile_of
from fairlead.export.texts import without_nul
from fairlead.runners.feed import make_feed
from fairlead.signature import Batch, Field
from fairlead.signature.kinds import RULES

if TYPE_CHECKING:
    import onnx

HERE = Path(__file__).parent / "pages"
ROWS = 2
"""Of the receipt, that are written out to be tried."""


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """One input or output of the file.

    Args:
        name: the graph's name of it.
        element: type of its elements, in ONNX's words.
        shape: lengths of its axes; a name where one may vary.
        fields: of the signature, in the order of the columns.
        missing: what stands for a missing value; None where none may be missing.
        example: of `rows` rows, nested lists; NaN is null.
    """

    name: str
    element: str
    shape: tuple[int | str, ...]
    fields: tuple[Field, ...]
    missing: str | None = None
    example: Any = None


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of `model.json`."""

    version: str
    digest: str
    rows: int
    opsets: dict[str, int]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    tolerance: dict[str, float]
    mobile: Mobile


def write_onnx(version: str, bundle: Bundle, out: Path) -> None:
    """Write a folder with the ONNX file, and what it takes and answers, as JSON and Markdown.

    Args:
        version: its name.
        bundle: of it.
        out: the folder.

    Raises:
        ExportError: it is no graph, or one that plain builds of ONNX Runtime do not run.
    """
    model = read_graph(bundle)
    check_domains(model)
    missing = without_nul(model)
    described = _describe(version, bundle, model, missing)
    out.mkdir()
    (out / "model.onnx").write_bytes(model.SerializeToString())
    written = msgspec.json.format(msgspec.json.encode(described), indent=2)
    (out / "model.json").write_bytes(written + b"\n")
    page = _template().render(model=described, expected=_expected, missing_text=missing)
    (out / "README.md").write_text(page, encoding="utf-8")


def _describe(version: str, bundle: Bundle, model: onnx.ModelProto, missing: str) -> Description:
    info = bundle.info
    receipt = decode_receipt(read_file(bundle, "receipt.json"))
    rows = min(ROWS, receipt.inputs.rows)
    asked, answers = receipt.inputs.take(slice(0, rows)), receipt.outputs.take(slice(0, rows))
    given, made = _by_name(model.graph.input), _by_name(model.graph.output)
    inputs = {field.name: field for field in info.signature.inputs}
    outputs = {field.name: field for field in info.signature.outputs}
    return Description(
        version=version,
        digest=bundle.digest,
        rows=rows,
        opsets={each.domain or "ai.onnx": each.version for each in model.opset_import},
        inputs=tuple(
            Tensor(
                name=each.name,
                fields=(fields := tuple(inputs[name] for name in each.fields)),
                missing=_missing(fields, missing),
                example=_fed(each, asked, missing),
                **_form(given[each.name]),
            )
            for each in info.runner.inputs
        ),
        outputs=tuple(
            Tensor(
                name=each.name,
                fields=(outputs[each.field],),
                example=_plain(answers.column(each.field).tolist()),
                **_form(made[each.name]),
            )
            for each in info.runner.outputs
        ),
        tolerance={"absolute": info.tolerance.absolute, "relative": info.tolerance.relative},
        mobile=mobile_of(model),
    )


def _by_name(values: Any) -> dict[str, onnx.ValueInfoProto]:
    return {value.name: value for value in values}


def _form(value: onnx.ValueInfoProto) -> dict[str, Any]:
    """Element type and shape, in ONNX's words; the first axis is the rows."""
    import onnx

    tensor = value.type.tensor_type
    lengths = [each.dim_value or each.dim_param or "any" for each in tensor.shape.dim]
    element = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    return {"element": element, "shape": ("rows", *lengths[1:])}


def _missing(fields: tuple[Field, ...], text: str) -> str | None:
    if all(field.missing == "error" for field in fields):
        return None
    return "NaN" if fields[0].kind not in ("category", "text") else text


def _fed(given: TensorInput, batch: Batch, missing: str) -> Any:
    """What an input is fed with for some rows."""
    values: Any = make_feed(given)(batch).tolist()
    if given.dtype == "object":
        values = [[missing if value == MISSING_TEXT else value for value in row] for row in values]
    return _plain(values)


def _plain(values: Any) -> Any:
    """Nested lists without NaN, which JSON has not."""
    if isinstance(values, list):
        return [_plain(value) for value in values]
    return None if values != values else values


def _expected(field: Field) -> str:
    return RULES[field.kind].expected(field)


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=False,  # noqa: S701  # it is Markdown
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("onnx.md")
