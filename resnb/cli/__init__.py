"""``resnb`` in a terminal: what is alive in every kernel, and what to do with it."""
