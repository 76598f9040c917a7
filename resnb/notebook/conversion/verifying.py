"""Checks a conversion: the notebook runs in a fresh kernel as it is, and as a flow.

The flow runs cell by cell, then as a whole. After each, every value of a step is compared with that
of the plain cells.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any, Self

from resnb.errors import MagicError, harmless
from resnb.notebook.conversion.facts import CellFacts, labels
from resnb.notebook.conversion.proposal import Proposed

START = 60.0
"""Seconds within which a kernel has to start."""
_LOOK = 0.5
_BEGIN = """
%load_ext resnb
from resnb.notebook.conversion.fresh import Check as _resnb_check
_resnb_check = _resnb_check(get_ipython().user_ns)
"""


def verify(
    flow: str, cells: Sequence[CellFacts], found: Sequence[Proposed]
) -> tuple[dict[str, str], list[str], list[str]]:
    """Run both forms of the notebook in a fresh kernel, in this folder.

    Args:
        flow: the name of the flow.
        cells: the plain cells in their order.
        found: what becomes of them.

    Returns:
        How each value differs, empty if it is the same; the names that cannot be compared; and
        lines on values that a later step has changed in place, and cells that see those.

    Raises:
        MagicError: there is no kernel to start, or a cell fails in it.
    """
    faults: dict[str, str] = {}
    unknown: list[str] = []
    notes: list[str] = []
    with _Kernel() as kernel:
        kernel.run(_BEGIN, "the check")
        _run_plain(kernel, cells, found)
        for one in found:
            notes += _run_converted(kernel, flow, found, one)
        for how in ("run cell by cell", f"run by %flow run {flow}"):
            is_whole = not how.startswith("run cell")
            if is_whole:
                kernel.run(f"%flow run {flow}", f"%flow run {flow}")
            for name, fault in kernel.answer(f"_resnb_check.compare({is_whole})").items():
                if fault is None and name not in unknown:
                    unknown.append(name)
                if not faults.get(name):
                    faults[name] = f"{harmless(fault)} ({how})" if fault else ""
        if any(faults.values()) and (unstable := _unstable(kernel, cells, found, faults)):
            notes.append(
                f"not the same in two runs of the plain cells either: {', '.join(unstable)}"
            )
            unknown += [name for name in unstable if name not in unknown]
    return {name: fault for name, fault in faults.items() if name not in unknown}, unknown, notes


def _run_plain(kernel: "_Kernel", cells: Sequence[CellFacts], found: Sequence[Proposed]) -> None:
    """Run the plain cells; what will be one step is looked at after its last cell."""
    ends = {one.cells[-1].label: one.outputs for one in found if one.is_step}
    for cell in cells:
        kernel.run(cell.cell.text, f"cell {cell.label}, plain,")
        if names := ends.get(cell.label):
            kernel.run(f"_resnb_check.plain_made({list(names)!r})", "the check")
    kernel.run("_resnb_check.plain_ended()", "the check")


def _unstable(
    kernel: "_Kernel",
    cells: Sequence[CellFacts],
    found: Sequence[Proposed],
    faults: Mapping[str, str],
) -> list[str]:
    """Those of the values that differ which differ in two runs of the plain cells, too."""
    try:
        kernel.run("_resnb_check.begin_again()", "the check")
        _run_plain(kernel, cells, found)
        again = kernel.answer("_resnb_check.compare_plain()")
    except MagicError:  # they do not run twice in one kernel
        return []
    return [name for name, fault in again.items() if fault and faults.get(name)]


def _run_converted(
    kernel: "_Kernel", flow: str, found: Sequence[Proposed], one: Proposed
) -> list[str]:
    """Run what a cell has become; gives lines on what is not as it was."""
    label = labels(one.cells)
    if not one.is_step:
        try:
            kernel.run(one.text, f"cell {label}, beside the flow,")
        except MagicError as error:
            if not one.sees_later:
                raise
            fault = str(error).rpartition("in a fresh kernel: ")[2]
            return [f"cell {label} fails beside the flow ({fault}): {one.why}"]
        return []
    kernel.run(f"{one.magic_line(flow)} --quiet\n{one.text}", f"step {label}")
    changed = kernel.answer(f"_resnb_check.step_ended({list(one.outputs)!r})")
    makers = {name: other for other in found for name in other.outputs}
    return [
        f"step {label} changes {name} of {labels(makers[name].cells)} in place: let that step make "
        "a copy, or join the two"
        for name in changed
    ]


class _Kernel:
    """A fresh kernel of this interpreter, in this folder, which ends with the block."""

    def __enter__(self) -> Self:
        try:
            from jupyter_client.kernelspec import NoSuchKernel
            from jupyter_client.manager import KernelManager
        except ImportError:
            raise MagicError("--verify starts a kernel: pip install ipykernel") from None
        manager: Any = KernelManager(kernel_name="python3")
        try:
            spec: Any = manager.kernel_spec
        except NoSuchKernel:
            raise MagicError("--verify starts a kernel: pip install ipykernel") from None
        spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self._manager = manager
        quiet = os.open(os.devnull, os.O_WRONLY)
        try:
            manager.start_kernel(cwd=str(Path.cwd()), stdout=quiet, stderr=quiet)
            self._client = manager.blocking_client()
            self._client.start_channels()
            self._client.wait_for_ready(timeout=START)
        except BaseException:
            self._end()
            raise
        finally:
            os.close(quiet)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        client = getattr(self, "_client", None)
        if client is not None:
            client.stop_channels()
        with suppress(RuntimeError):  # it has not started
            self._manager.shutdown_kernel()
        self._manager.cleanup_resources()

    def run(self, text: str, what: str) -> str:
        """Run a cell; gives what it has printed.

        Raises:
            MagicError: it failed, or the kernel has died.
        """
        request = self._client.execute(text, allow_stdin=False, stop_on_error=False)
        printed: list[str] = []
        fault = ""
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=_LOOK)
            except Empty:
                if self._manager.is_alive():
                    continue
                raise MagicError(f"--verify: the fresh kernel died at {what}") from None
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream" and content["name"] == "stdout":
                printed.append(content["text"])
            elif kind == "error":
                lines = str(content["evalue"]).splitlines() or [""]
                fault = f"{content['ename']}: {lines[0]}".removesuffix(": ")
            elif kind == "status" and content["execution_state"] == "idle":
                break
        if fault:
            raise MagicError(f"--verify: {what} fails in a fresh kernel: {harmless(fault)}")
        return "".join(printed)

    def answer(self, text: str) -> Any:
        """Run a cell of the check; gives what it says."""
        return json.loads(self.run(text, "the check").splitlines()[-1])
