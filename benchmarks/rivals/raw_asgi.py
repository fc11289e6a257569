"""uvicorn with a bare ASGI application: msgspec, onnxruntime, and nothing else.

python raw_asgi.py PORT FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from model import names, predictions, with_onnx


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    answer = with_onnx(folder)
    fields = {f"f{i}": name for i, name in enumerate(names(folder))}
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
        matrix = [msgspec.structs.astuple(row) for row in rows.rows]
        reply = msgspec.json.encode({"predictions": predictions(*answer(matrix))})
        headers = [(b"content-length", str(len(reply)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    uvicorn.run(
        app, host="127.0.0.1", port=port, log_level="error", access_log=False, lifespan="off",
        loop="uvloop", http="httptools",
    )  # fmt: skip


if __name__ == "__main__":
    main()
