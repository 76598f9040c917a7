"""Rewrites the imports of programs for Prefect, and lists what resnb leaves out."""
