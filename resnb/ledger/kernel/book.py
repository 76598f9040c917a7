"""The book: this process's entries in the ledger, each durable before the step that it announces.

Intent before set-up, handle and recipe after it, claim before clean-up, end after it. Whoever
holds the claim cleans up; a kernel whose claim is refused has been fenced off by the reaper.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from resnb.errors import LedgerError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.kernel.entry import Entry
from resnb.ledger.kernel.entry_protocol import Limits
from resnb.ledger.kernel.reaper_client import ReaperLink, Told
from resnb.ledger.owner import Owner, this_process
from resnb.ledger.recipes.protection import NO_FIND
from resnb.ledger.recipes.recipe import can_find, notice_of, recipe_of
from resnb.ledger.record import Environment, Record
from resnb.ledger.store.home import ledger_home, made_private
from resnb.ledger.store.store import Store

COMMON_VARIABLES = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SSH_AUTH_SOCK",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "DOCKER_HOST", "DOCKER_CONTEXT", "KUBECONFIG",
    "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "GOOGLE_APPLICATION_CREDENTIALS",
    "AZURE_CONFIG_DIR", "SPARK_HOME", "JAVA_HOME", "PYTHONPATH",
)  # fmt: skip
"""Environment variables that are kept for every clean-up; a manager's ``env`` names more."""
SESSION_VARIABLE = "RESNB_SESSION"
"""Names the test session that a kernel was started in."""
FIND_QUIET = 10.0
"""For how long nothing must be found before a half-made thing counts as gone, in seconds."""


class LeaseBook:
    """Writes the leases of this process into the ledger.

    Args:
        told: called, on a thread of the link's, with what the reaper says of a lease.
        home: the ledger's folder; the user's by default.
    """

    def __init__(self, told: Callable[[Told], object], home: Path | None = None) -> None:
        self.home = made_private(home or ledger_home())
        self.store = Store(self.home)
        self.owner: Owner = this_process()
        self.link = ReaperLink(self.home, self.owner, told)
        self._unwritten: dict[LeaseId, str] = {}
        self._lock = threading.Lock()

    def begin(
        self,
        lease: LeaseId,
        name: str,
        manager: Any,
        *,
        around: Iterable[str] = (),
        limits: Limits | None = None,
        key: str = "",
    ) -> "Entry":
        """Write the intent: set-up may be called when this has returned.

        Args:
            lease: the new lease.
            name: how it is called in lists.
            manager: the object with setup and cleanup.
            around: ids of the leases that it may depend on.
            limits: its limits.
            key: by what a later kernel recognises it after ``keep``.

        Raises:
            LedgerError: it cannot be written, or the recipe is too large; nothing was created.
        """
        limits = limits or Limits()
        recipe = recipe_of(name, manager)
        self.link.ensure()
        now = time.time()
        lives = bool(getattr(manager, "dies_with_kernel", False))
        finds = can_find(manager) and recipe.data is not None
        unfindable = "" if lives else recipe.fault or ("" if finds else NO_FIND)
        record = Record(
            lease,
            name,
            states.OPENING,
            self.owner,
            notebook=notebook_name(),
            session=os.environ.get(SESSION_VARIABLE, ""),
            environment=_environment(manager),
            recipe=recipe.data or b"",
            around=tuple(around),
            dies_with_kernel=lives,
            can_find=finds,
            unfindable=unfindable,
            unprotected="" if lives else recipe.fault,
            notice=notice_of(manager),
            key=key,
            find_quiet=float(getattr(manager, "find_quiet", FIND_QUIET)),
            created=now,
            used=now,
            **limits._asdict(),
        )
        try:
            self.write_what_is_due()
            self.store.add(record)
        except LedgerError as error:
            message = f"{error}; nothing was created"
            raise LedgerError(message) from None
        return Entry(self, record)

    def adopted(self, record: Record, limits: Limits) -> "Entry | None":
        """Take what a kernel has left into this one's hands; None if somebody else was faster.

        Args:
            record: what it has left.
            limits: its limits from now on.
        """
        self.link.ensure()
        values = {
            "state": states.OPEN, "keep_until": None, "request": "", "used": time.time(),
            "tries": 0, "next_try": 0.0, "claimant": None, "cleaner": None, "reason": "",
            **limits._asdict(),
        }  # fmt: skip
        if not self.store.adopt(LeaseId(record.id), self.owner, record.owner, **values):
            return None
        self.link.look()
        return Entry(self, record._replace(state=states.OPEN, owner=self.owner))

    def close(self, lease: LeaseId, reason: str) -> None:
        """The clean-up has completed; if that cannot be written now, it is written later."""
        try:
            self.write_what_is_due()
            self.store.close(lease, time.time(), reason)
        except LedgerError:
            with self._lock:
                self._unwritten[lease] = reason

    def write_what_is_due(self) -> None:
        """Write the ends that could not be written when they came.

        Raises:
            LedgerError: they still cannot be.
        """
        with self._lock:
            due = dict(self._unwritten)
        for lease, reason in due.items():
            self.store.close(lease, time.time(), reason)
            with self._lock:
                self._unwritten.pop(lease, None)


def notebook_name() -> str:
    """The notebook of this kernel: its session's name, else the working folder."""
    name = os.environ.get("JPY_SESSION_NAME", "")
    try:
        return name or str(Path.cwd())
    except OSError:  # the folder was removed
        return ""


def _environment(manager: Any) -> Environment:
    names = (*COMMON_VARIABLES, *tuple(getattr(manager, "env", ()) or ()))
    known = dict.fromkeys(names)
    variables = tuple((name, os.environ[name]) for name in known if name in os.environ)
    try:
        folder = str(Path.cwd())
    except OSError:
        folder = "/"
    path = tuple(one or folder for one in sys.path)
    return Environment(sys.executable, sys.prefix, path, folder, variables)


__all__ = [
    "COMMON_VARIABLES",
    "FIND_QUIET",
    "SESSION_VARIABLE",
    "LeaseBook",
    "notebook_name",
]
