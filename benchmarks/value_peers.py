"""marimo's and Hamilton's caches on the function of `benchmarks.values`, where they are installed.

They are no dependency: ``pip install marimo apache-hamilton`` into an environment of your own.
A module of its own, since marimo looks at the names of the module in which a function is.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def plus_one(number: int) -> int:
    """The next number."""
    return number + 1


def marimo(count: int, repeat: int, folder: Path) -> list[float]:
    """Seconds of `count` calls of ``marimo.persistent_cache``, first computed, then all found."""
    import logging

    import marimo as mo  # type: ignore[import-not-found]

    logging.disable(logging.WARNING)  # that no notebook of its own runs
    kept = mo.persistent_cache(plus_one, save_path=str(folder / "marimo"))
    return [_timed(lambda: [kept(number) for number in range(count)]) for _ in range(repeat + 1)]


def hamilton(count: int, repeat: int, folder: Path) -> list[float]:
    """Seconds of a run of `count` nodes with Hamilton's cache, first computed, then all found."""
    from hamilton import ad_hoc_utils, driver  # type: ignore[import-not-found]
    from hamilton.function_modifiers import parameterize, value  # type: ignore[import-not-found]

    def node(number: int) -> int:
        return number + 1

    names = [f"node_{number}" for number in range(count)]
    given = {name: {"number": value(number)} for number, name in enumerate(names)}
    module = ad_hoc_utils.create_temporary_module(
        parameterize(**given)(node), module_name="value_peers_nodes"
    )

    def once() -> float:
        cached = driver.Builder().with_modules(module).with_cache(path=str(folder / "hamilton"))
        made = cached.build()
        return _timed(lambda: made.execute(names))

    return [once() for _ in range(repeat + 1)]


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
