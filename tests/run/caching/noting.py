"""Functions whose calls are noted in a file, where no key looks, in any process."""

import os
from functools import wraps
from types import FunctionType


def noted(name, function):
    """`function`, which also notes its call where no key looks."""
    path = os.path.join(os.environ["RESNB_CACHE"] + "-calls")  # noqa: PTH118

    def run(*args):
        with open(path, "a") as file:  # noqa: PTH123
            file.write(name + " ")
        return function(*args)

    return wraps(function)(run) if isinstance(function, FunctionType) else run


def called():
    path = os.environ["RESNB_CACHE"] + "-calls"
    if not os.path.exists(path):  # noqa: PTH110
        return []
    with open(path) as file:  # noqa: PTH123
        found = file.read().split()
    os.remove(path)  # noqa: PTH107
    return found
