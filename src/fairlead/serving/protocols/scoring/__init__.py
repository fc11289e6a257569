"""How the bodies of MLflow, SageMaker and TensorFlow Serving are read and answered."""
