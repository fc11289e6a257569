"""The composition root: homes, settings, processes, and every part put together from them."""
