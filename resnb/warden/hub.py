"""The warden as a service of a JupyterHub: it learns of servers that stopped, and serves a page.

The hub starts it, with variables that say where the hub is and which token to use. Users and
tokens are checked by JupyterHub's own library, so the warden has to run in the hub's environment.
"""

import json
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final
from urllib.parse import urlsplit

from resnb.warden.leases import OrphanedLeases
from resnb.warden.service import Bell

ASK_EVERY: Final = 5.0
"""How often to ask the hub which servers run, in seconds."""
PAGE_OF: Final = 200
"""How many users are asked for at a time."""
_PATIENCE: Final = 10.0


class HubServers:
    """Asks the hub which servers run.

    Args:
        url: of the hub's API.
        token: the service's, which may list users and read their servers.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    def running(self) -> frozenset[str]:
        """The prefixes of the servers that run, start or stop.

        Raises:
            OSError: the hub does not answer, or refuses.
            ValueError: it answers something else.
        """
        found: set[str] = set()
        offset: int | None = 0
        while offset is not None:
            answer = self._ask(f"/users?state=active&limit={PAGE_OF}&offset={offset}")
            for user in answer["items"]:
                servers = user.get("servers")
                if servers is None:
                    message = "it does not tell of servers: give the service the scope read:servers"
                    raise ValueError(message)
                found |= {urlsplit(one["url"]).path for one in servers.values()}
            following = answer["_pagination"]["next"]
            offset = following and int(following["offset"])
        return frozenset(found)

    def _ask(self, path: str) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the hub's own address
            self._url + path,
            headers={
                "Authorization": f"token {self._token}",
                "Accept": "application/jupyterhub-pagination+json",
            },
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
            return json.loads(answer.read())


@contextmanager
def service(leases: OrphanedLeases, bell: Bell, say: Callable[[str], object]) -> Iterator[None]:
    """Within the block, be the hub's service, if a hub has started this process.

    Args:
        leases: the ledger.
        bell: rung when a server has stopped.
        say: called with each line.
    """
    token, url = os.environ.get("JUPYTERHUB_API_TOKEN"), os.environ.get("JUPYTERHUB_API_URL")
    if not token or not url:
        yield
        return
    over = threading.Event()

    def ask() -> None:
        hub, trouble = HubServers(url, token), ""
        while not over.is_set():
            since = time.time()
            try:
                running = hub.running()
            except (OSError, ValueError, KeyError, TypeError) as error:
                if str(error) != trouble:
                    trouble = str(error)
                    say(f"the hub cannot be asked which servers run: {trouble}")
            else:
                trouble = ""
                before = leases.servers
                leases.servers = running, since
                for gone in sorted(set(before[0]) - running) if before is not None else ():
                    say(f"the hub says that {gone} has stopped")
                    bell.ring()
            over.wait(ASK_EVERY)

    asking = threading.Thread(target=ask, name="resnb-warden-hub", daemon=True)
    asking.start()
    try:
        with _page(leases) if os.environ.get("JUPYTERHUB_SERVICE_URL") else nullcontext():
            yield
    finally:
        over.set()
        asking.join(_PATIENCE + 1.0)


def _page(leases: OrphanedLeases) -> Any:
    from resnb.warden.page import served  # which takes JupyterHub's library

    return served(leases)
