"""Flows on Dask: the executor, and what runs of it on the workers."""
