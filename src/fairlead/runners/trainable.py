"""The form of a bundle that training can go on from, loaded."""

from __future__ import annotations

from typing import Any

from fairlead.bundle import Bundle, read_file
from fairlead.runners.extras import not_installed
from fairlead.runners.libraries import load_own
from fairlead.runners.river import load_river
from fairlead.runners.sklearn import load_skops


def load_trainable(bundle: Bundle) -> Any:
    """Load what a version can be trained on from.

    Args:
        bundle: verified.

    Returns:
        The estimator, of vetted types only; of a torch module its weights, tensors by name; of
        river the model itself; None where the bundle holds no such form.

    Raises:
        BundleError: it is damaged, or holds a type that is not vetted.
        ModelError: a library that it needs is not installed.
    """
    form = bundle.info.trainable
    if form is None:
        return None
    raw = read_file(bundle, form.path)
    match form.format:
        case "skops":
            return load_skops(raw)
        case "safetensors":
            return _weights(raw)
        case "river":
            return load_river(raw, bundle.info.signature.outputs).model
        case library:
            return load_own(library, raw, bundle.info.signature.outputs)


def _weights(raw: bytes) -> Any:
    try:
        import safetensors.torch
    except ModuleNotFoundError:
        raise not_installed("torch") from None
    return safetensors.torch.load(raw)
