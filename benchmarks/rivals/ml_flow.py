"""MLflow's own scoring server before scikit-learn, with one worker.

python ml_flow.py PORT FOLDER
"""

import os
import pickle
import sys
from pathlib import Path

import mlflow.sklearn

if __name__ == "__main__":
    port, folder = sys.argv[1], Path(sys.argv[2])
    place = folder / "mlflow"
    model = pickle.loads((folder / "bare.pickle").read_bytes())
    if not place.exists():
        mlflow.sklearn.save_model(
            model,
            str(place),
            serialization_format="cloudpickle",  # its default, skops, does not trust these trees
            pyfunc_predict_fn="predict_proba",
            pip_requirements=["scikit-learn"],
        )
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    serve = ["models", "serve", "-m", str(place), "--env-manager", "local", "-w", "1"]
    serve += ["-h", "127.0.0.1", "-p", port]
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", *serve])
