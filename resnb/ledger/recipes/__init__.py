"""What another interpreter needs to clean a resource up."""
