"""Mistakes that people make in notebooks, each with its whole output: see ``mistakes.txt``."""

import re
from pathlib import Path
from typing import NamedTuple

BEFORE = (
    """
    import json
    import numpy as np
    import pandas as pd
    from resnb import Flow, Parameter, Task, case, resource_manager, task

    @task
    def extract(path="sales.csv"):
        return [1, 2, 3]

    @task
    def clean(raw, min_sales):
        return [one for one in raw if one >= min_sales]

    @task
    def broken(raw):
        return raw.total

    @resource_manager
    class Warehouse:
        def __init__(self, size=1):
            self.size = size

        def setup(self):
            return f"warehouse {self.size}"

        def cleanup(self, resource):
            pass
    """,
    """
    %%flow sales(n=2, factor=3) --with Warehouse(n) as db --quiet
    df = extract()
    big = clean(df, factor)
    """,
    """
    %%flow stock --quiet
    left = extract("stock.csv")
    """,
)
"""The cells of the notebook in which the mistakes are made."""

LONGEST = 6
"""Maximum number of lines of an output."""
_FILE = Path(__file__).with_name("mistakes.txt")
_CARETS = re.compile(r"^[ ~^]+$")
_NUMBER = re.compile(r"In\[\d+\]")


class Mistake(NamedTuple):
    """A cell, and what it shows."""

    cell: str
    output: str


def mistakes():
    """All of them; in the file a cell's lines begin with ``> ``, and its output follows."""
    found = []
    for block in _FILE.read_text(encoding="utf-8").strip().split("\n\n"):
        lines = block.splitlines()
        cell = [line[2:] for line in lines if line.startswith(">")]
        found.append(Mistake("\n".join(cell), "\n".join(lines[len(cell) :])))
    return found


def comparable(output):
    """`output` without what differs between versions of Python, and without cells' numbers."""
    lines = [line for line in output.splitlines() if not _CARETS.match(line)]
    return _NUMBER.sub("In[]", "\n".join(line for line in lines if line.strip()))


def whole(shown):
    """Everything that a cell has shown, as a front end with text only shows it."""
    parts = (shown.stdout, shown.stderr, shown.texts, shown.traceback)
    return "\n".join(one.strip("\n") for one in parts if one.strip())
