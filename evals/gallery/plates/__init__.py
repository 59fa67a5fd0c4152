"""One module for each figure: to add one, add a file with a function under `@plate(...)`; the registry finds it."""
