"""Functions as cells define them, and their keys."""

import textwrap

from resnb import task
from resnb.run.caching.value_keys import code_key


def names_of(text, **namespace):
    """What a text defines, as if a cell had it."""
    found = {"__name__": "__main__", **namespace}
    exec(compile(textwrap.dedent(text), "<cell>", "exec"), found)
    return found


def code_of(text, **namespace):
    """The key of the function `f` in a text."""
    return code_key(task(names_of(text, **namespace)["f"]))
