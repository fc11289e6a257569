"""FastAPI before onnxruntime or scikit-learn, as a good engineer would write it.

    python fast_api.py PORT FOLDER onnx|sklearn async|sync

Pydantic checks the rows, one model is loaded at the start, the names of the fields are kept.
uvloop and httptools are on, access logs off.
"""

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, create_model


def main() -> None:
    port, folder, library, style = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    names: list[str] = pickle.loads((folder / "names.pickle").read_bytes())
    answer = _onnx(folder) if library == "onnx" else _sklearn(folder, names)
    row: Any = create_model("Row", **{_python(name): (float, ...) for name in names})

    class Body(BaseModel):
        rows: list[row]  # type: ignore[valid-type]

    def predict(body: Body) -> dict[str, Any]:
        matrix = np.array([list(r.__dict__.values()) for r in body.rows])
        labels, probabilities = answer(matrix)
        return {
            "predictions": [
                {"label": label, "probabilities": p}
                for label, p in zip(labels.tolist(), probabilities.tolist(), strict=True)
            ]
        }

    async def predict_async(body: Body) -> dict[str, Any]:
        return predict(body)

    app = FastAPI()
    app.post("/predict")(predict_async if style == "async" else predict)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


def _python(name: str) -> str:
    return name.replace(" ", "_")


def _onnx(folder: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        (folder / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    given = session.get_inputs()[0]
    dtype = np.float64 if "double" in given.type else np.float32
    return lambda matrix: session.run(None, {given.name: matrix.astype(dtype)})


def _sklearn(folder: Path, names: list[str]) -> Any:
    model = pickle.loads((folder / "model.pickle").read_bytes())

    def answer(matrix: Any) -> Any:
        frame = pd.DataFrame(matrix, columns=names)
        return model.predict(frame), model.predict_proba(frame)

    return answer


if __name__ == "__main__":
    main()
