"""The vocabulary of graphs, below tasks and flows: roles, options, triggers, signatures."""
