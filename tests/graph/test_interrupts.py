"""A Ctrl-C between any two lines that build a flow leaves it as it was, or with all of the call."""

import sys
from itertools import count

import pytest

from resnb import Flow, Parameter, case, resource_manager, task
from resnb.graph import binding, changes, editing, merging, node, structure
from tests.graph.shapes import dump

FILES = {module.__file__ for module in (binding, changes, editing, merging, node, structure)}


@task
def load():
    return 1


@task
def add(x, y=0):
    return x + y


@resource_manager
class Thing:
    def cleanup(self, resource):
        pass


def in_a_scope(flow):
    with Thing() as thing:
        add(thing, flow.first)


def in_a_case(flow):
    with case(flow.first, 1):
        add(flow.first)


CALLS = {
    "tasks": lambda flow: add(flow.first, flow.second),
    "a value": lambda flow: add(flow.first, 3),
    "a list": lambda flow: add([flow.first, flow.second]),
    "mapped": lambda flow: add.map([flow.first, 1]),
    "a parameter": lambda flow: add(Parameter("n", default=1)),
    "a scope": in_a_scope,
    "a case": in_a_case,
    "an edge": lambda flow: flow.second.set_upstream(flow.first),
    "another flow": lambda flow: flow.update(flow.other),
    "one less": lambda flow: editing.remove(flow, [flow.second]),
}


def made():
    with Flow("other") as other:
        add(load())
    with Flow("etl") as flow:
        first, second = load(), load()
        add(first)
    flow.first, flow.second, flow.other = first, second, other
    return flow


class Interrupting:
    """Raises KeyboardInterrupt before a line of `FILES` is carried out, the one of that number."""

    def __init__(self, number):
        self.left = number

    def __call__(self, frame, event, _):
        if frame.f_code.co_filename not in FILES:
            return None
        if event == "line":
            self.left -= 1
            if self.left < 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self


@pytest.mark.parametrize("name", CALLS)
def test_an_interrupt_leaves_nothing_half_way(name):
    for number in count():
        flow = made()
        before = dump(flow)
        traced, interrupting = sys.gettrace(), Interrupting(number)
        try:
            with flow.transaction(), flow:
                sys.settrace(interrupting)
                try:
                    CALLS[name](flow)
                finally:
                    sys.settrace(traced)
        except KeyboardInterrupt:
            assert dump(flow) == before, f"at line {number}"
            flow.validate()
        else:
            assert number > 10
            return
