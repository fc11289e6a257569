"""A graph alone in onnxruntime, on one thread: what is timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fairlead.errors import ModelError
from fairlead.runners.onnx import load_onnxruntime

Ask = Callable[[Mapping[str, Any]], object]


def open_graph(raw: bytes) -> Ask:
    """What answers arrays by the names of a graph's inputs.

    Raises:
        ModelError: onnxruntime cannot load it.
    """
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"onnxruntime cannot load it ({type(error).__name__}).") from error
    names = [output.name for output in session.get_outputs()]
    bare = session._sess  # what wraps it looks at each input once more, in Python
    return lambda given: bare.run(names, given, None)
