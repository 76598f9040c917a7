"""Carry out many trials, a few kernels at a time, and keep each row as soon as it is there."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from .rows import Row, Spec
from .trial import Trial

WAITING = 6
"""For each kernel that lives, so many trials wait for clean-ups to end."""


def carry_out(
    specs: Sequence[Spec],
    *,
    kernels: int,
    engine: Any = None,
    until: float | None = None,
    report: Callable[[Row], object] = lambda _: None,
    keep: Path | None = None,
) -> list[Row]:
    """The rows of `specs`, in the order in which they ended.

    A trial that went wrong itself is repeated once. After Ctrl-C no other begins.

    Args:
        specs: what to try.
        kernels: how many kernels live at the same time.
        engine: a client of the container engine; None if no trial has a container.
        until: begin no trial after this time of the monotonic clock.
        report: called with each row, on this thread.
        keep: where folders of leaking trials are kept.
    """
    gate = threading.Semaphore(kernels)
    rows: list[Row] = []
    waiting = list(specs)
    again: set[str] = set()
    running: set[Future[Row]] = set()
    with ThreadPoolExecutor(kernels * WAITING) as pool:
        while True:
            late = until is not None and time.monotonic() > until
            while waiting and not late and len(running) < kernels * WAITING:
                trial = Trial(waiting.pop(0), gate, engine, keep)
                running.add(pool.submit(trial.run))
            if not running:
                return rows
            try:
                done, running = wait(running, return_when=FIRST_COMPLETED)
            except KeyboardInterrupt:  # the trials that have begun end by themselves
                waiting.clear()
                continue
            for row in (one.result() for one in done):
                if row.error and row.spec.name not in again:
                    again.add(row.spec.name)
                    waiting.append(row.spec)
                    continue
                rows.append(row)
                report(row)
