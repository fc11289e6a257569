"""uvicorn with a bare ASGI application: msgspec, onnxruntime, and nothing else.

python raw_asgi.py PORT FOLDER
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
import uvicorn


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    names: list[str] = pickle.loads((folder / "names.pickle").read_bytes())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        (folder / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    given = session.get_inputs()[0]
    dtype = np.float64 if "double" in given.type else np.float32
    fields = {f"f{i}": name for i, name in enumerate(names)}
    row = msgspec.defstruct("Row", [(f, float) for f in fields], rename=fields, gc=False)
    body_type = msgspec.defstruct("Body", [("rows", list[row])])  # type: ignore[valid-type]
    decode = msgspec.json.Decoder(body_type).decode

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        raw = b""
        more = True
        while more:
            event = await receive()
            raw += event.get("body", b"")
            more = event.get("more_body", False)
        rows: Any = decode(raw)
        matrix = np.array([msgspec.structs.astuple(r) for r in rows.rows], dtype)
        labels, probabilities = session.run(None, {given.name: matrix})
        pairs = zip(labels.tolist(), probabilities.tolist(), strict=True)
        reply = msgspec.json.encode(
            {"predictions": [{"label": n, "probabilities": p} for n, p in pairs]}
        )
        headers = [(b"content-length", str(len(reply)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    uvicorn.run(
        app, host="127.0.0.1", port=port, log_level="error", access_log=False, lifespan="off"
    )


if __name__ == "__main__":
    main()
