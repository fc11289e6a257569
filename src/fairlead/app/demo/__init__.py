"""The demo: two real models on real data, from fitting to feedback, in a home of its own."""
