"""Where the tasks of a run are executed, within this process; clusters are `resnb.dask`."""
