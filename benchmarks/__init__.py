"""Benchmarks: speed as a ratio against named peers in the same run. `python -m benchmarks` runs them side by side."""
