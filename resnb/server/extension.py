"""The extension: wired together when the server loads it, ended with the server."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float

from resnb.ledger.store.home import ledger_home
from resnb.server.feed import Feed
from resnb.server.handlers import routes
from resnb.server.kernels import kernels_of
from resnb.server.requests import Refused
from resnb.server.service import LedgerService
from resnb.server.sweeps import Sweeper, Sweeps


class ResnbServer(ExtensionApp):
    """Shows the pages of a Jupyter server what is alive in every kernel."""

    name = "resnb"

    sweep_every = Float(
        600.0, min=1.0, help="Seconds between two sweeps for what dead kernels have left."
    ).tag(config=True)

    def initialize_handlers(self) -> None:
        """Add the routes, and sweep as soon as the server's loop runs."""
        assert self.serverapp is not None
        self._loop = self.serverapp.io_loop
        kernels = partial(kernels_of, self.serverapp.kernel_manager)
        self._service = LedgerService(ledger_home(), Sweeper(self._later), kernels=kernels)
        self._feed = Feed(self._service.news)
        self._sweeps = Sweeps(self._service.work, self.sweep_every)
        self.handlers.extend(routes(self._service, self._feed))
        self._loop.add_callback(self._sweeps.start)

    async def stop_extension(self) -> None:
        """End what was started; sweepers, which are separate processes, go on."""
        await self._sweeps.stop()
        await self._feed.close()
        await self._service.close()

    def _later(self, pause: float, work: Callable[[], None]) -> None:
        """Do `work` after `pause` seconds; may be called on any thread."""

        async def do() -> None:
            with suppress(Refused):
                await self._service.work(work)

        self._loop.add_callback(self._loop.call_later, pause, do)
