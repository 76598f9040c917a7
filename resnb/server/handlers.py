"""The routes. Each is authenticated and authorised, and answers with JSON, errors included.

The server's own classes check that a request comes from one of its pages (its origin and cross-site
token) before a method is called.
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
"""The resource that the server's authoriser decides about."""
_READ_ONLY = 1008  # WebSocket's code for a policy violation


class _Errors(web.RequestHandler):
    """Answers errors with one line."""

    auth_resource = RESOURCE

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log errors that are not the client's."""
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
            message = _message(error) or message
        elif error is not None:
            message = UNEXPECTED
        self.set_header("Content-Type", "application/json")
        refusal: wire.Refusal = {"message": fitting(message) or UNEXPECTED}
        self.finish(json.dumps(refusal))


class _Handler(_Errors, APIHandler):
    """Base of the routes."""

    def initialize(self, service: LedgerService) -> None:
        """Take the service."""
        self.service = service

    def reply(self, text: str, status: int = 200) -> None:
        """Answer with JSON that is not to be cached."""
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.finish(text)


class Version(_Handler):
    """The package's version, for a front end that may have another."""

    @web.authenticated
    @authorized(action="read", resource=RESOURCE)
    async def get(self) -> None:
        """Send it."""
        version: wire.Version = {"version": resnb.__version__}
        self.reply(json.dumps(version))


class Leases(_Handler):
    """The list."""

    @web.authenticated
    @authorized(action="read", resource=RESOURCE)
    async def get(self) -> None:
        """List the leases that the query's filters let through."""
        arguments = {name: self.get_query_arguments(name) for name in self.request.query_arguments}
        self.reply(await self.service.find(requests.lease_filter(arguments)))


class Command(_Handler):
    """What changes one lease."""

    @web.authenticated
    @authorized(action="write", resource=RESOURCE)
    async def post(self, lease: str, action: str) -> None:
        """Clean up, keep or adopt it."""
        found, body = requests.lease_id(lease), self.request.body
        if action == "cleanup":
            requests.check_empty(body)
            self.reply(await self.service.change(found, action), 202)
        else:
            self.reply(await self.service.change(found, action, requests.duration(body)))


class UnknownRoute(_Handler):
    """Any other path below the interface's."""

    @web.authenticated
    @authorized(action="read", resource=RESOURCE)
    async def get(self) -> None:
        """Say that there is no such route."""
        raise Refused(404, "resnb has no such route")

    @web.authenticated
    @authorized(action="write", resource=RESOURCE)
    async def post(self) -> None:
        """Say that there is no such route."""
        raise Refused(404, "resnb has no such route")


class Stream(_Errors, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """The stream of changes."""

    # Seconds; by tornado's own pings, not by the mixin's, whose unit is another.
    ping_interval = 30.0
    ping_timeout = 30.0

    _sending: asyncio.Task[None] | None = None

    def initialize(self, feed: Feed) -> None:
        """Take the feed."""
        self._feed = feed

    @ws_authenticated
    @authorized(action="read", resource=RESOURCE)
    async def get(self) -> None:  # type: ignore[override]
        """Open the stream; returns when it is closed."""
        reader = self._reader = self._feed.join()
        try:
            await super().get()
        finally:
            self._feed.leave(reader)

    def open(self) -> None:
        """Begin to send."""
        self._sending = asyncio.ensure_future(self._send(self._reader))

    def on_message(self, message: str | bytes) -> None:
        """Close the stream: clients may not send anything."""
        del message
        self.close(_READ_ONLY, "this stream is for reading only")

    def on_close(self) -> None:
        """Stop sending."""
        if self._sending is not None:
            self._sending.cancel()

    async def _send(self, reader: Reader) -> None:
        try:
            while True:
                await self.write_message(await reader.next())  # waits until it is taken
        except WebSocketClosedError:
            self.close()


def _message(error: web.HTTPError) -> str:
    text = error.log_message or ""
    return text % error.args  # tornado doubles each % in a message without arguments


def routes(
    service: LedgerService, feed: Feed
) -> list[tuple[str, type[web.RequestHandler], dict[str, Any]]]:
    """The routes, below the server's base URL."""
    here = "/resnb/api"
    return [
        (f"{here}/version", Version, {"service": service}),
        (f"{here}/leases", Leases, {"service": service}),
        (f"{here}/leases/([^/]*)/(cleanup|keep|adopt)", Command, {"service": service}),
        (f"{here}/stream", Stream, {"feed": feed}),
        (f"{here}(?:/.*)?", UnknownRoute, {"service": service}),
    ]
