"""The `curves` command line, on top of everything: it only calls the Python API."""
