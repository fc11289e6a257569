"""The data plane: a request in, a logged answer out; it knows routes and files, nothing above."""
