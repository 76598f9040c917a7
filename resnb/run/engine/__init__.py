"""The driver: carries out what the scheduler decides, and feeds outcomes back to it."""
