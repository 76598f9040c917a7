"""The notebook: magics, kernel hooks, completion; where all parts are wired together."""
