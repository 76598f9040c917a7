"""Plain cells that become a flow: what has run, which cells can be steps, and a check of that."""
