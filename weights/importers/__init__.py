"""One module per format; each has one function that turns a file (or a torch module) into a Network."""
