"""Leases as the kernel that holds them keeps them."""
