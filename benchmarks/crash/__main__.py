"""Kill kernels at random moments and print what leaked, as tables in Markdown.

    python -m benchmarks.crash                       12 trials for each end and moment
    python -m benchmarks.crash --ends SIGKILL --kinds folder,late --trials 4
    python -m benchmarks.crash --ends containers     whole containers only; or --ends processes
    python -m benchmarks.crash --no-reaper           without a reaper or successor: it leaks

With ``--rows FILE`` each row is kept there, and a run that was broken off goes on where it was.
Ends with 1 if anything leaked that is claimed to be safe (with ``--no-reaper``: if nothing did).
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .cells import MOMENTS
from .containers import box, hub
from .containers.ends import CONTAINER_ENDS
from .ends import ENDS
from .engine import NoEngineError, client, engine
from .kinds import KINDS
from .plan import whole, without
from .process_ends import PROCESS_ENDS
from .rows import Row, Spec, add_row, read_rows, write_rows
from .running import carry_out
from .table import report

GROUPS = {"processes": PROCESS_ENDS, "containers": CONTAINER_ENDS}


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says; gives the exit code."""
    options = _parsed(arguments)
    usual: dict[int, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGHUP: signal.SIG_DFL,
    }
    for number, handler in usual.items():  # under nohup, kernels would not mind them
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    specs = whole(
        trials=options.trials,
        seed=options.seed,
        ends=options.ends,
        moments=options.moments,
        kinds=options.kinds,
        reaper=options.reaper,
    )
    with ExitStack() as stack:
        wanted = {spec.kind for spec in specs}
        docker, why = _engine(stack, wanted="container" in wanted)
        if why:
            print(f"\n!!! NO CONTAINER ENGINE: {why}\n!!! containers are not tried\n", flush=True)
            specs = [spec for spec in specs if spec.kind != "container"]
        for front, check in (("boxed", box.check), ("hubbed", hub.check)):
            specs = _possible(specs, front, check)
        rows = _rows(options, {spec.name for spec in specs})
        left = without({row.spec.name for row in rows}, specs)
        print(f"seed {options.seed}: {len(left)} of {len(specs)} trials to do", flush=True)
        began = time.monotonic()
        rows += carry_out(
            left,
            kernels=options.kernels,
            engine=docker,
            until=None if options.minutes is None else began + 60 * options.minutes,
            report=lambda row: _told(row, options.rows),
            keep=options.keep,
        )
    print(f"\n{report(rows)}\n\nseed {options.seed}, {time.monotonic() - began:.0f} s")
    leaked = any((row.leaks or row.late) and KINDS[row.spec.kind].claimed for row in rows)
    return int(leaked == options.reaper)


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--trials", type=int, default=12, help="for each end and moment")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kernels", type=int, default=2, help="how many live at the same time")
    parser.add_argument("--minutes", type=float, help="begin no trial after so many")
    parser.add_argument("--rows", type=Path, help="a file that keeps each row, to go on with")
    parser.add_argument("--keep", type=Path, help="a folder for the files of trials that leak")
    parser.add_argument("--no-reaper", dest="reaper", action="store_false")
    for name, known in (("ends", ENDS), ("moments", MOMENTS), ("kinds", KINDS)):
        parser.add_argument(
            f"--{name}",
            type=_several(known),
            default=list(known),
            help=", ".join(known).replace("%", "%%"),
            metavar="NAME,NAME",
        )
    return parser.parse_args(arguments)


def _several(known: Any) -> Any:
    def names(text: str) -> list[str]:
        if known is ENDS and text in GROUPS:
            return list(GROUPS[text])
        found = [name.strip() for name in text.split(",")]
        if unknown := [name for name in found if name not in known]:
            message = f"unknown: {', '.join(unknown)}"
            raise argparse.ArgumentTypeError(message)
        return found

    return names


def _engine(stack: ExitStack, *, wanted: bool) -> tuple[Any, str]:
    """A client of the container engine, or why there is none."""
    if not wanted:
        return None, ""
    try:
        stack.enter_context(engine())
        return client(), ""
    except NoEngineError as error:
        return None, str(error)


def _possible(specs: list[Spec], front: str, check: Callable[[], object]) -> list[Spec]:
    """`specs` without those whose front end does not work here; prints a loud line for these."""
    if any(ENDS[spec.end].front == front for spec in specs):
        try:
            check()
        except NoEngineError as error:
            print(f"\n!!! NOT HERE: {error}\n!!! such ends are not tried\n", flush=True)
            return [spec for spec in specs if ENDS[spec.end].front != front]
    return specs


def _rows(options: argparse.Namespace, wanted: set[str]) -> list[Row]:
    """The rows that are there already; those that went wrong are done again."""
    if options.rows is None:
        return []
    rows = [row for row in read_rows(options.rows) if not row.error]
    write_rows(options.rows, rows)
    return [row for row in rows if row.spec.name in wanted]


def _told(row: Row, path: Path | None) -> None:
    if path is not None:
        add_row(path, row)
    said = row.error or "; ".join(row.leaks) or "nothing left"
    said += f"; late: {row.first}" if row.late else ""
    listed = f" [listed: {'; '.join(row.listed)}]" if row.listed else ""
    print(f"{row.spec.name} ({row.phase} +{row.offset:.2f} s): {said}{listed}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
