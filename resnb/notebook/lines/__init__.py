"""Magic lines: what they mean, read from left to right."""
