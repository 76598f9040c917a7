"""The processes that outlive a kernel and clean up after it."""
