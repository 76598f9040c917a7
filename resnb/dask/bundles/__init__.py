"""Which rows travel to a cluster together: pure decisions, from the graph and measured times."""
