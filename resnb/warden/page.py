"""The page of the hub's service: what is alive, for whom the hub lets use it.

By default these are its administrators; a role with the scope ``access:services!service=NAME``
lets others in. Names and reasons come from users, so everything is escaped.
"""

import asyncio
import html
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from tornado.ioloop import IOLoop
from tornado.web import Application, RequestHandler, authenticated

from resnb.errors import LedgerError
from resnb.ledger.admin.fleet import HEAD, FleetLease, fleet
from resnb.ledger.admin.listing import plain
from resnb.warden.leases import OrphanedLeases

_HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Resources</title>
<style>body{font-family:sans-serif;margin:2em}td,th{padding:.2em 1em .2em 0;text-align:left}</style>
</head><body><h1>Resources of notebooks</h1>"""


def page(leases: list[FleetLease], now: float) -> str:
    """The page as HTML.

    Args:
        leases: what is alive.
        now: seconds since the epoch.
    """
    heads = "".join(f"<th>{one if one == 'ID' else one.capitalize()}</th>" for one in HEAD)
    rows = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in one.cells(now))}</tr>"
        for one in leases
    )
    table = f"<table><tr>{heads}</tr>{rows}</table>" if leases else "<p>Nothing is alive.</p>"
    return f"{_HEAD}{table}</body></html>"


class _Leases(HubOAuthenticated, RequestHandler):  # type: ignore[misc]
    def initialize(self, leases: OrphanedLeases) -> None:
        self.leases = leases

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    @authenticated
    async def get(self) -> None:
        """What is alive: as JSON where that is asked for, else as a page."""
        try:
            found = await asyncio.to_thread(fleet, self.leases, self.leases.listed)
        except LedgerError as error:
            self.set_status(503)
            self.finish(html.escape(plain(str(error))))
            return
        if self.request.path.endswith("/leases.json"):
            self.set_header("Content-Type", "application/json")
            self.finish({"leases": [one.to_json() for one in found]})
        else:
            self.finish(page(found, time.time()))


@contextmanager
def served(leases: OrphanedLeases) -> Iterator[None]:
    """Within the block, serve the page where the hub expects it."""
    prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    loop: list[IOLoop] = []
    has_begun = threading.Event()
    trouble: list[BaseException] = []

    async def serve() -> None:
        known: dict[str, Any] = {"leases": leases}
        application = Application(
            [
                (prefix, _Leases, known),
                (f"{prefix}leases.json", _Leases, known),
                (f"{prefix}oauth_callback", HubOAuthCallbackHandler),
            ],
            cookie_secret=os.urandom(32),
        )
        over = asyncio.Event()
        loop.append(IOLoop.current())
        server = application.listen(address.port or 80, address.hostname or "127.0.0.1")
        stop.append(over.set)
        has_begun.set()
        await over.wait()
        server.stop()
        await server.close_all_connections()

    stop: list[Any] = []

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised where the service is started
            trouble.append(error)
            has_begun.set()

    thread = threading.Thread(target=run, name="resnb-warden-page", daemon=True)
    thread.start()
    has_begun.wait()
    if trouble:
        message = f"the page of the hub's service cannot be served: {trouble[0]}"
        raise LedgerError(message)
    try:
        yield
    finally:
        loop[0].add_callback(stop[0])
        thread.join()
