"""Tasks: the handles by which a flow is built, parameters and conditions among them."""
