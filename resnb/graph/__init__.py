"""What to run: flows, tasks, parameters, scopes and mapping. No execution, no I/O, no IPython."""
