"""What comes later for predictions: labels, sales; guards and experiments that go by it."""
