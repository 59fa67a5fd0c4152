"""The tests. Each is a module named after it, found by being there; see `evals.testing.Test` for what it must have."""
