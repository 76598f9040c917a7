"""Values that last: found again by code, inputs and key, and kept on disk."""
