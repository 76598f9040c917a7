"""How flows run: a pure scheduler, its state table, and the driver that carries it out."""
