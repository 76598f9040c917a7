"""Flows on Dask: the executor, and the part of it that runs on the workers."""
