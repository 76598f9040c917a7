"""Timelines: what ran when and where, and when resources were open."""
