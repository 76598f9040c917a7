"""Leases: what is held, and that it gets cleaned up however the kernel ends."""
