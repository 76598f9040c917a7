"""One trial: a real kernel brought to a moment, ended, and what it leaves behind counted."""

import shutil
import tempfile
import threading
import time
import uuid
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from . import cells
from .containers import provider
from .containers.box import Box
from .containers.fronts import Boxed, Hubbed
from .containers.hub import Hub
from .ends import ENDS
from .fronts import Managed, Program, Served, environment_of
from .kinds import KINDS
from .rows import Row, Spec
from .scene import End, Scene
from .shared import SharedLedger, store_of
from .truth import Truth
from .waiting import Marks, TrialError, is_alive, pause, wait_for

PATIENCE = 60.0
"""Seconds that clean-ups may take until what is left counts as a leak."""
LOOK_EVERY = 0.2
"""Seconds between two counts."""
WAIT = "threading.Event().wait()"
SETTLED = 3.0
"""Seconds after which what has not begun to exist never will."""


class Trial:
    """Carries out one trial.

    Args:
        spec: which.
        kernels: lets as many kernels live at the same time as it has permits.
        engine: a client of the container engine, or None.
        keep: where a trial's folder is kept if it leaks; None to remove all.
    """

    def __init__(
        self, spec: Spec, kernels: threading.Semaphore, engine: Any, keep: Path | None = None
    ) -> None:
        self.spec = spec
        self.row = Row(spec, offset=spec.offset())
        self._end: End = ENDS[spec.end]
        self._kernels = kernels
        self._keep = keep
        self._place = _place(self._end.front)
        self._folder = self._place.shared
        self._tag = f"thing-{uuid.uuid4().hex}"
        self._marks = Marks(self._folder)
        used = engine if spec.kind == "container" else None
        self._truth = Truth(self._folder, self._tag, used)
        self._killed = self._died = 0.0
        self._successor_started: float | None = None
        self._was_left = False

    def run(self) -> Row:
        """Carry it out; leaves nothing behind."""
        try:
            with ExitStack() as outside:
                self._carry_out(outside)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the others go on
            self.row.error = f"{type(error).__name__}: {error}\n{self._said()}"
        finally:
            interesting = self.row.leaks or self.row.listed or self.row.error
            if self._keep is not None and interesting:
                target = self._keep / self.spec.name.replace(" / ", "-").replace(" ", "_")
                with suppress(OSError):  # sockets and pipes do not copy; the rest is there
                    shutil.copytree(self._folder, target, ignore=lambda *_: {"go", "things"})
            self._truth.remove()
            self._place.remove()
        return self.row

    def _carry_out(self, outside: ExitStack) -> None:
        with self._kernels:
            if self._end.is_shared:
                outside.callback(SharedLedger(self._folder).stop)
            if KINDS[self.spec.kind].outside:
                environment = environment_of(self._folder)
                served = provider.start(self._folder, self._tag, environment)
                outside.callback(served.wait)
                outside.callback(served.kill)
                wait_for((self._folder / provider.SOCKET).exists, "the provider")
            with ExitStack() as stack:
                scene = self._live(stack)
            if self._end.successor is not None and (self.spec.reaper or not self._end.is_whole):
                self._was_left = self._end.is_whole and bool(self._truth.left())
                self._end.successor(scene)
                self._successor_started = scene.successor_started
        if not self._end.lives or self.spec.moment == "idle":
            self._settle()
        self._judge()

    # ---- while the kernel lives

    def _live(self, stack: ExitStack) -> Scene:
        front = self._started()
        stack.callback(front.close)
        kernel = front.pid_of(self._marks.wait("kernel", 60).pid)
        scene = Scene(front, kernel, self._folder, self._truth)
        if self._end.front != "program":
            self._lead_up(front)
        if self._end.act is not None:
            begun = self._marks.wait(cells.begin_of(self.spec.kind, self.spec.moment), 60).time
            pause(begun + self.row.offset - time.monotonic())
            self._killed = time.monotonic()
            self._watch(kernel)
            self._end.act(scene)
        if self._end.lives:
            self._live_on(scene)
            return scene
        self._watch(kernel)
        wait_for(lambda: self._died, "the kernel's end", 60)
        if self._end.act is None:
            if not self._marks.of(cells.begin_of(self.spec.kind, self.spec.moment)):
                raise TrialError("the moment did not come")
            ended = self._marks.of("end")
            self._killed = ended[0].time if ended else self._died
        return scene

    def _said(self) -> str:
        """What the front end and the kernel printed, the end of it."""
        texts = [path.read_text(errors="replace") for path in sorted(self._folder.glob("*.log"))]
        return "\n".join(text[-2000:] for text in texts if text)

    def _watch(self, kernel: int) -> None:
        """Note when the kernel ends."""

        def look() -> None:
            deadline = time.monotonic() + 120
            while is_alive(kernel) and time.monotonic() < deadline:
                pause(0.01)
            self._died = self._died or time.monotonic()

        threading.Thread(target=look, name="crash-watch", daemon=True).start()

    def _started(self) -> Any:
        spec, environment = self.spec, environment_of(self._folder)
        first = [cells.NO_REAPER] if not spec.reaper else []
        first += [cells.head(str(self._folder), self._tag, spec.kind, spec.moment)]
        first += KINDS[spec.kind].cells
        first += [f"CLEANUP = {self._end.cleanup}"] if self._end.cleanup is not None else []
        first += [self._end.armed] if self._end.armed else []
        if self._end.front == "program":
            limit = max(self.row.offset, 0.01) if self._end.timed else 0.0
            command = self._end.command("trial.ipynb", limit)
            book = [*first, *self._program_cells()]
            return Program(self._folder, environment, book, command)
        front = self._begun(environment)
        try:
            for cell in first:
                front.run(cell)
        except BaseException:
            front.close()
            raise
        return front

    def _begun(self, environment: dict[str, str]) -> Any:
        """The front end with its kernel, which is ready for cells."""
        if isinstance(self._place, Box):
            without = ("--ResnbServer.stop_wait=0",)
            settings = self._end.settings if self.spec.reaper else without
            boxed = Boxed(self._place, environment, options=self._end.options, settings=settings)
            boxed.begin()
            return boxed
        if isinstance(self._place, Hub):
            settings = () if self.spec.reaper else ("c.ResnbServer.stop_wait = 0",)
            hubbed = Hubbed(self._place, environment, settings)
            hubbed.begin()
            return hubbed
        return (Managed if self._end.front == "managed" else Served)(self._folder, environment)

    def _lead_up(self, front: Any) -> None:
        """Bring the kernel into the moment, with a cell running unless it is to be idle."""
        if self.spec.moment == "idle":
            front.run(cells.open_cell(self.spec.kind))
            front.run("mark('idle')")
            return
        front.run(cells.flow_cell(self.spec.kind))
        if self._end.background:
            front.run(cells.START)
        else:
            self._running = front.send(cells.RUN)

    def _program_cells(self) -> list[str]:
        kind, moment, last = self.spec.kind, self.spec.moment, self._end.last
        begins = cells.begin_of(kind, moment)
        if moment == "idle":
            book = [cells.open_cell(kind), "mark('idle')"]
        else:
            book = [cells.flow_cell(kind), cells.START]
        if last is None and not self._end.timed:
            return [*book, WAIT]
        offset = 0.0 if self._end.timed else self.row.offset  # the time limit is the offset
        return [*book, f"until({begins!r}, {offset!r})", last or WAIT]

    # ---- where the kernel lives on

    def _live_on(self, scene: Scene) -> None:
        """The kernel lives: what its cell made has to go all the same, what is open stays."""
        if self.spec.moment == "idle":
            if (name := scene.folder / "raise").exists():
                scene.front.finish(scene.front.send("pause()"))
                name.unlink(missing_ok=True)
            scene.front.run("mark('lives')")
            if not self._truth.left():
                message = "what was open and in use is gone"
                raise TrialError(message)
            self._killed = time.monotonic()
            scene.front.manager.shutdown_kernel(now=True)
            return
        scene.front.finish(self._running)
        self._settle()
        scene.front.run("mark('lives')")

    # ---- afterwards

    def _settle(self) -> None:
        """Wait until resnb has nothing left to do, or would never do it."""
        patience = self._patience()
        store = store_of(self._folder)
        deadline = time.monotonic() + patience
        settled = self._killed + (SETTLED if self.spec.kind == "late" else 0.0)
        quiet: float | None = None
        while (now := time.monotonic()) < deadline:
            left, listed = self._truth.left(), store.alive()
            if not left and self.row.gone is None:
                self.row.gone = now - self._killed
            if left:
                self.row.gone = None
            if not listed and now > settled:
                if not left:
                    break
                quiet = quiet or now  # nobody feels responsible: a process may be on its way out
                if now - quiet > SETTLED:
                    break
            pause(LOOK_EVERY)

    def _patience(self) -> float:
        if not self.spec.reaper:
            return SETTLED
        if self._successor_started is None:
            return PATIENCE
        return self._end.within + (self._end.cleanup or 0.0) + PATIENCE / 2

    def _judge(self) -> None:
        row = self.row
        row.leaks = self._truth.left()
        row.phase = self._marks.phase(self._killed)
        begun = self._marks.of("cleanup")
        row.begun = len(begun)
        kernel = self._marks.of("kernel")[0].pid
        if self._successor_started is not None:
            started = self._successor_started  # a hub's server may have begun before it answers
            since = (mark.time for mark in begun if mark.time > self._killed)
            row.first = next((max(0.0, mark - started) for mark in since), None)
            row.late = self._was_left and (row.first is None or row.first > self._end.within)
        elif self._died:
            elsewhere = (mark.time - self._died for mark in begun if mark.pid != kernel)
            row.first = next(elsewhere, None)
        row.listed = [f"{one.state}: {one.reason}" for one in store_of(self._folder).alive()]


class _Folder:
    """The place of a trial without containers."""

    def __init__(self) -> None:
        self.shared = Path(tempfile.mkdtemp(prefix="resnb-crash-"))

    def remove(self) -> None:
        """Remove it."""
        shutil.rmtree(self.shared, ignore_errors=True)


def _place(front: str) -> Box | Hub | _Folder:
    """Where a trial takes place: its folder, and what has to be removed with it."""
    if front == "boxed":
        return Box()
    return Hub() if front == "hubbed" else _Folder()


__all__ = ["Trial"]
