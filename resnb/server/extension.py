"""The extension: wired together when the server loads it, ended with the server."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float

from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.admin.listing import ListedLease
from resnb.ledger.store.home import ledger_home
from resnb.server.feed import Feed
from resnb.server.handlers import routes
from resnb.server.kernels import Known, kernels_of
from resnb.server.lock_watch import LockWatch
from resnb.server.requests import Refused
from resnb.server.service import LedgerService
from resnb.server.stopping import StopWait
from resnb.server.sweeps import Sweeper, Sweeps


class ResnbServer(ExtensionApp):
    """Shows the pages of a Jupyter server what is alive in every kernel."""

    name = "resnb"

    sweep_every = Float(
        600.0,
        min=1.0,
        help="Seconds between two sweeps for what dead kernels have left, if no end of one was "
        "noticed in between.",
    ).tag(config=True)

    stop_wait = Float(
        10.0,
        min=0.0,
        help="Seconds that a stopping server waits at most for its kernels' clean-ups. Set it a "
        "little lower than the time after which the server would be killed; 0 to not wait.",
    ).tag(config=True)

    def initialize_handlers(self) -> None:
        """Add the routes, and sweep as soon as the server's loop runs."""
        assert self.serverapp is not None
        self._loop = self.serverapp.io_loop
        kernels = partial(kernels_of, self.serverapp.kernel_manager)
        watch = LockWatch(ledger_home(), kernels)
        root = getattr(self.serverapp.contents_manager, "root_dir", "")
        self._service = LedgerService(
            ledger_home(),
            Sweeper(self._later),
            known=lambda: Known(kernels(), watch.ended_kernels, root),
        )
        self._feed = Feed(self._service.news)
        self._sweeps = Sweeps(self._service.look, watch, self.sweep_every)
        self._stop_wait = StopWait(self.stop_wait, self._leases, self._clean_up, kernels, self.log)
        self.handlers.extend(routes(self._service, self._feed))
        self._loop.add_callback(self._sweeps.start)

    async def stop_extension(self) -> None:
        """Wait for clean-ups, then end what was begun; sweepers, which are processes, go on."""
        await self._stop_wait.wait()
        await self._sweeps.stop()
        await self._feed.close()
        await self._service.close()

    async def _leases(self) -> list[ListedLease]:
        """The leases that are not closed."""
        found: list[ListedLease] = []
        await self._service.work(lambda: found.extend(LedgerCommands().leases()))
        return found

    async def _clean_up(self, leases: list[ListedLease]) -> None:
        """Ask that leases be cleaned up."""
        await self._service.work(lambda: _ask(leases))

    def _later(self, pause: float, work: Callable[[], None]) -> None:
        """Do `work` after `pause` seconds; may be called on any thread."""

        async def do() -> None:
            with suppress(Refused):
                await self._service.work(work)

        self._loop.add_callback(self._loop.call_later, pause, do)


def _ask(leases: list[ListedLease]) -> None:
    LedgerCommands().clean_up(leases, timeout=0)
