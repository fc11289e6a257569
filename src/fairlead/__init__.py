"""Take a trained model to production and keep it right there."""

__all__: list[str] = []
