"""FastAPI before onnxruntime or scikit-learn, as a good engineer would write it.

    python fast_api.py PORT FOLDER onnx|sklearn|bare async|sync

Pydantic checks every field and writes the answer, both in Rust; the model is loaded once and run
once a request; uvloop and httptools are on, access logs off.
"""

import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from model import names, predictions, with_bare_sklearn, with_onnx, with_sklearn
from pydantic import BaseModel, create_model

ANSWERS = {"onnx": with_onnx, "sklearn": with_sklearn, "bare": with_bare_sklearn}


class Prediction(BaseModel):
    label: int
    probabilities: list[float]


class Answer(BaseModel):
    predictions: list[Prediction]


def main() -> None:
    port, folder, library, style = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    answer = ANSWERS[library](folder)
    row: Any = create_model("Row", **{_python(name): (float, ...) for name in names(folder)})

    class Body(BaseModel):
        rows: list[row]  # type: ignore[valid-type]

    def predict(body: Body) -> Any:
        return {"predictions": predictions(*answer([[*r.__dict__.values()] for r in body.rows]))}

    async def predict_async(body: Body) -> Any:
        return predict(body)

    app = FastAPI()
    app.post("/predict", response_model=Answer)(predict_async if style == "async" else predict)
    uvicorn.run(
        app, host="127.0.0.1", port=port, log_level="error", access_log=False,
        loop="uvloop", http="httptools",
    )  # fmt: skip


def _python(name: str) -> str:
    return name.replace(" ", "_")


if __name__ == "__main__":
    main()
