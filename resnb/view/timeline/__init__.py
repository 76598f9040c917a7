"""Timelines: when everything of a run happened, and where."""
