"""What the notebooks in the pictures work with: temporary things that are made and taken away.

They are not real, and their tasks take as long as it takes to look at them. While a file
``unreachable`` is beside this one, nothing can be cleaned up.
"""

from pathlib import Path
from time import sleep

from resnb import resource_manager, task

_UNREACHABLE = Path(__file__).with_name("unreachable")


def _remove():
    sleep(0.3)
    if _UNREACHABLE.exists():
        raise ConnectionError("the provider does not answer")


@resource_manager
class Warehouse:
    def __init__(self, size="small"):
        self.size = size

    def setup(self):
        sleep(0.3)
        return f"warehouse-{self.size}"

    def cleanup(self, resource):
        _remove()


@resource_manager
class Machine:
    def __init__(self, kind, gpus=0):
        self.kind, self.gpus = kind, gpus

    def setup(self):
        sleep(0.3)
        return f"machine-{self.kind}"

    def cleanup(self, resource):
        _remove()


@resource_manager
class Cluster:
    def __init__(self, workers):
        self.workers = workers

    def setup(self):
        sleep(1.2)
        return f"cluster-{self.workers}"

    def cleanup(self, resource):
        sleep(1.2)


@task
def load(cluster, region):
    sleep(1.2 if region == "north" else 1.8)
    return region


@task
def join(north, south, cluster):
    sleep(1.2)
    return [north, south]


@task
def report(joined):
    sleep(2.4)
    return len(joined)


@task
def fetch(warehouse, days):
    return [(f"day {day}", 100 + day * day) for day in range(days)]


@task
def by_region(orders):
    return {"north": orders[::2], "south": orders[1::2]}


@task
def forecast(regions):
    sleep(30)
    return {name: sum(amount for _, amount in found) for name, found in regions.items()}


@task
def chart(regions):
    return "chart.png"


@task
def fit(machine, epochs):
    return epochs
