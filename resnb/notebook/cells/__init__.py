"""What cells build: flows, scopes that span cells, and resources."""
