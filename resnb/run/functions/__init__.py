"""Running ``@flow`` functions: a graph that unfolds while its tasks run."""
