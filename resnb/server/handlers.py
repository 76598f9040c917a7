"""The routes. Each is authenticated, authorised, and answers with JSON, errors too.

That a request comes from the server's own pages (its origin, its cross-site token) is checked by
the classes of the server before a method is called.
"""

import asyncio
import json
from http.client import responses
from types import TracebackType
from typing import Any

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

import resnb
from resnb.server import requests, wire
from resnb.server.feed import Feed, Reader
from resnb.server.lease_json import fitting
from resnb.server.requests import UNEXPECTED, Refused
from resnb.server.service import LedgerService

RESOURCE = "resnb"
"""What the server's authoriser is asked about."""
_READ_ONLY = 1008  # WebSocket's code for what breaks a rule


class _Errors(web.RequestHandler):
    """Answers what goes wrong with one line."""

    auth_resource = RESOURCE

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log what is not the asker's mistake."""
        if not isinstance(value, Refused):
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with JSON."""
        error = kwargs.get("exc_info", (None, None))[1]
        message = responses.get(status_code, UNEXPECTED)
        if isinstance(error, Refused):
            self.set_status(error.status)
            message = str(error)
        elif isinstance(error, web.HTTPError):
            message = _said(error) or message
        elif error is not None:
            message = UNEXPECTED
        self.set_header("Content-Type", "application/json")
        refusal: wire.Refusal = {"message": fitting(message) or UNEXPECTED}
        self.finish(json.dumps(refusal))


class _Handler(_Errors, APIHandler):
    """A route of the interface."""

    def initialize(self, service: LedgerService) -> None:
        """Take what answers."""
        self.service = service

    def reply(self, text: str, status: int = 200) -> None:
        """Answer with JSON that is fresh each time."""
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.finish(text)


class Version(_Handler):
    """The package's version, for a front end that may be another one."""

    @web.authenticated
    @authorized(action="read", resource=RESOURCE)
    async def get(self) -> None:
        """Tell it."""
        version: wire.Version = {"version": resnb.__version__}
        self.reply(json.dumps(version))


class Leases(_Handler):
    """The list."""

    @web.authenticated
    @authorized(action="read", resource=RESOURCE)
    async def get(self) -> None:
        """List what the query's filters let through."""
        arguments = {name: self.get_query_arguments(name) for name in self.request.query_arguments}
        self.reply(await self.service.find(requests.lease_filter(arguments)))


class CleanUp(_Handler):
    """The end of one lease."""

    @web.authenticated
    @authorized(action="write", resource=RESOURCE)
    async def post(self, lease: str) -> None:
        """Ask for it."""
        requests.check_empty(self.request.body)
        self.reply(await self.service.clean_up(requests.lease_id(lease)), 202)


class Keep(_Handler):
    """A longer life of one lease."""

    @web.authenticated
    @authorized(action="write", resource=RESOURCE)
    async def post(self, lease: str) -> None:
        """Let it survive its kernel."""
        duration = requests.duration(self.request.body)
        self.reply(await self.service.keep(requests.lease_id(lease), duration))


class Adopt(_Handler):
    """Another owner of one lease."""

    @web.authenticated
    @authorized(action="write", resource=RESOURCE)
    async def post(self, lease: str) -> None:
        """Take it over."""
        duration = requests.duration(self.request.body)
        self.reply(await self.service.adopt(requests.lease_id(lease), duration))


class UnknownRoute(_Handler):
    """What is no route."""

    @web.authenticated
    @authorized(action="read", resource=RESOURCE)
    async def get(self) -> None:
        """Say so."""
        raise Refused(404, "resnb has no such route")

    @web.authenticated
    @authorized(action="write", resource=RESOURCE)
    async def post(self) -> None:
        """Say so."""
        raise Refused(404, "resnb has no such route")


class Stream(_Errors, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """The stream of changes."""

    # Seconds; by tornado's own pings, not by the mixin's, whose unit is another.
    ping_interval = 30.0
    ping_timeout = 30.0

    _sending: asyncio.Task[None] | None = None

    def initialize(self, feed: Feed) -> None:
        """Take what has the news."""
        self._feed = feed

    @ws_authenticated
    @authorized(action="read", resource=RESOURCE)
    async def get(self) -> None:  # type: ignore[override]
        """Open it; ends when it is closed."""
        reader = self._reader = self._feed.join()
        try:
            await super().get()
        finally:
            self._feed.leave(reader)

    def open(self) -> None:
        """Begin to send."""
        self._sending = asyncio.ensure_future(self._send(self._reader))

    def on_message(self, message: str | bytes) -> None:
        """Close it: nothing may be sent to it."""
        del message
        self.close(_READ_ONLY, "this stream is for reading only")

    def on_close(self) -> None:
        """Stop sending."""
        if self._sending is not None:
            self._sending.cancel()

    async def _send(self, reader: Reader) -> None:
        try:
            while True:
                await self.write_message(await reader.next())  # until the reader's side took it
        except WebSocketClosedError:
            self.close()


def _said(error: web.HTTPError) -> str:
    text = error.log_message or ""
    return text % error.args  # tornado doubles each % in a message without arguments


def routes(
    service: LedgerService, feed: Feed
) -> list[tuple[str, type[web.RequestHandler], dict[str, Any]]]:
    """The routes, below the server's base URL."""
    here, lease = "/resnb/api", "/resnb/api/leases/([^/]*)"
    return [
        (f"{here}/version", Version, {"service": service}),
        (f"{here}/leases", Leases, {"service": service}),
        (f"{lease}/cleanup", CleanUp, {"service": service}),
        (f"{lease}/keep", Keep, {"service": service}),
        (f"{lease}/adopt", Adopt, {"service": service}),
        (f"{here}/stream", Stream, {"feed": feed}),
        (f"{here}(?:/.*)?", UnknownRoute, {"service": service}),
    ]


__all__ = ["RESOURCE", "routes"]
