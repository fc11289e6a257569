"""The look-up tables that a worker has open, and the predictions in them."""
