"""The notebook: magics, kernel hooks, completion; the package that wires the others together."""
