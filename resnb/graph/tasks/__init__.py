"""Tasks: the units of work of a flow, parameters and conditions among them."""
