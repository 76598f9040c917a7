"""What the cells of the tests work with; every test's notebook begins with this cell.

It is run in the kernel, as text, and is no module.
"""

import asyncio
import os
import subprocess
import threading
from pathlib import Path

from resnb import Flow, LocalExecutor, Parameter, get_run_logger, resource, resource_manager, task
from resnb.ledger.kernel.keeper import KEEPER

happened = []


def since():
    """What has happened since this was last asked."""
    found = list(happened)
    happened.clear()
    return found


def arrows(flow):
    """The edges of a flow between tasks that are no part of a scope."""
    return sorted(
        f"{edge.upstream_task.name} -> {edge.downstream_task.name}"
        for edge in flow.edges
        if {edge.upstream_task.kind, edge.downstream_task.kind} <= {"task", "parameter"}
    )


def names(flow):
    """The names of a flow's tasks in the order of the flow, without those of scopes."""
    return [one.name for one in flow.sorted_tasks() if one.kind in {"task", "parameter"}]


def members(flow):
    """The tasks in each scope of a flow."""
    return {
        scope.name: [one.name for one in scope.members if one.kind == "task"]
        for scope in flow.scopes
    }


def alive():
    """The leases that are not closed."""
    return [f"{lease.name} {lease.state}" for lease in KEEPER.alive()]


def everything():
    """All that a refused cell must leave as it was."""
    own = {"In", "Out", "before"}
    variables = {
        name: id(value)
        for name, value in globals().items()
        if not name.startswith("_") and name not in own
    }
    flows = {
        name: (
            [(id(one), one.name) for one in value.sorted_tasks()],
            arrows(value),
            [(id(edge.upstream_task), id(edge.downstream_task), edge.key) for edge in value.edges],
            members(value),
            [(id(scope.manager), scope.options) for scope in value.scopes],
            [id(one) for one in value.reference_tasks()],
        )
        for name, value in list(globals().items())
        if isinstance(value, Flow)
    }
    return variables, flows, alive()


@task
def number(n=1):
    happened.append(f"number {n}")
    return n


@task
def double(x):
    happened.append(f"double {x}")
    return 2 * x


@task
def add(x, y):
    happened.append(f"add {x} {y}")
    return x + y


@task
def boom(*_):
    raise ValueError("no luck")


@task
def use(cluster, x=0):
    happened.append(f"use {cluster} {x}")
    return f"{cluster} used"


@resource_manager
class Cluster:
    def __init__(self, size=1):
        self.size = size

    def setup(self):
        happened.append(f"set up {self.size}")
        return f"cluster of {self.size}"

    def cleanup(self, resource):
        happened.append(f"clean up {self.size}")


@resource_manager
class Store:
    def __init__(self, name="store"):
        self.name = name

    def setup(self):
        happened.append(f"set up {self.name}")
        return self.name

    def cleanup(self, resource):
        happened.append(f"clean up {self.name}")
