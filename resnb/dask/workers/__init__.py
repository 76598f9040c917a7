"""What runs on the workers of a cluster, and what its scheduler is asked to note for them."""
