"""What TensorFlow Serving tells of a model: its versions, and the tensors it takes and gives."""

from __future__ import annotations

from collections.abc import Iterable

from fairlead.routing import Route, number_of
from fairlead.signature import Field

DTYPES = {
    "float16": "DT_HALF",
    "float32": "DT_FLOAT",
    "float64": "DT_DOUBLE",
    "bool": "DT_BOOL",
    **{f"{sign}int{bits}": f"DT_{sign.upper()}INT{bits}" for sign in ("", "u")
       for bits in (8, 16, 32, 64)},
}  # fmt: skip
KINDS = {"number": "DT_DOUBLE", "integer": "DT_INT64", "boolean": "DT_BOOL"}


def status(route: Route, version: str, loaded: bool) -> object:
    """The versions that the route names, or the one that was named.

    Args:
        route: of the endpoint.
        version: number of one; empty for all.
        loaded: whether they answer at once; else a prediction loads them, which is called START.
    """
    numbers = [version] if version else dict.fromkeys(_numbers(route))
    state = "AVAILABLE" if loaded else "START"
    fine = {"error_code": "OK", "error_message": ""}
    return {
        "model_version_status": [
            {"version": number, "state": state, "status": fine} for number in numbers
        ]
    }


def metadata(route: Route, version: str, loaded: bool) -> object:  # noqa: ARG001
    """The endpoint's signature, as `serving_default`.

    TensorFlow Serving writes names with underscores, OpenVINO's server with capitals; clients of
    either find theirs.

    Args:
        route: of the endpoint.
        version: as for `status`; empty for the first arm's.
        loaded: as for `status`; it changes nothing here.
    """
    number = version or _numbers(route)[0]
    spec = {"name": route.endpoint, "signature_name": "", "version": number}
    signature = {
        "inputs": _tensors(route.signature.inputs),
        "outputs": _tensors(route.signature.outputs),
        "method_name": "tensorflow/serving/predict",
    }
    named = {"serving_default": signature}
    definition = {"signature_def": named, "signatureDef": named}
    return {"model_spec": spec, "modelSpec": spec, "metadata": {"signature_def": definition}}


def _numbers(route: Route) -> list[str]:
    return [number_of(arm.version.name) for arm in route.arms]


def _tensors(fields: Iterable[Field]) -> dict[str, object]:
    """One tensor for each field, its rows along the first axis."""
    tensors: dict[str, object] = {}
    for field in fields:
        sizes = (-1, *field.shape)
        shape = {
            "dim": [{"size": str(size), "name": ""} for size in sizes],
            "unknown_rank": False,
        }
        tensors[field.name] = {
            "name": field.name,
            "dtype": dtype_of(field),
            "tensor_shape": shape,
            "tensorShape": shape,
        }
    return tensors


def dtype_of(field: Field) -> str:
    """TensorFlow's name of what a field's values are sent as.

    Example:
        >>> dtype_of(Field(name="age", kind="number")), dtype_of(Field(name="plan", kind="text"))
        ('DT_DOUBLE', 'DT_STRING')
    """
    if field.kind in KINDS:
        return KINDS[field.kind]
    is_plain = field.kind in ("tensor", "category")
    return DTYPES.get(field.dtype, "DT_STRING") if is_plain else "DT_STRING"
