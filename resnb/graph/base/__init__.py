"""The vocabulary of graphs, below tasks and flows: inputs, options, order, triggers, roles."""
