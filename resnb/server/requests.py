"""Checks what a request asks for, before anything is done. Pure.

`Refused` says in one line what is wrong with a request, and repeats no more than the beginning of
what it was given.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from resnb.durations import seconds
from resnb.errors import OptionError, ResnbError
from resnb.ids import LeaseId
from resnb.ledger import states
from resnb.ledger.admin.listing import plain, short_path
from resnb.server.wire import KERNELS, STATES

LONGEST_BODY = 10_000
"""Bytes of a body."""
LONGEST_VALUE = 1000
"""Characters of a filter's value."""
LONGEST_KEPT = 366 * 86400.0
"""Seconds for which a lease may be kept."""
HALF_AN_HOUR = 1800.0
UNEXPECTED = "resnb could not do that: the server's log says why"
"""The message for an internal error."""

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_CHOICES: Final = {
    "state": STATES,
    "kernel": KERNELS,
    "closed": ("true", "false"),
}
_FILTERS: Final = ("id", "name", "state", "kernel", "notebook", "path", "session")
_OF_THE_SERVER: Final = ("token", "_xsrf")


class Refused(ResnbError):  # noqa: N818 - named for what became of the request
    """A request that is not carried out.

    Args:
        status: of the answer.
        message: one line.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class LeaseFilter(NamedTuple):
    """Which leases to list."""

    closed: bool  # whether to list closed ones as well
    values: Mapping[str, str]  # the values that their fields must have

    def by_short_path(self, root: str) -> "LeaseFilter":
        """The same, with a notebook's whole path shortened as it is in lists."""
        path = self.values.get("notebook")
        if path is None:
            return self
        return self._replace(values={**self.values, "notebook": short_path(path, root)})

    def takes(self, lease: Mapping[str, Any]) -> bool:
        """Whether a lease is to be listed."""
        return all(lease[name] == value for name, value in self.values.items())


def lease_filter(arguments: Mapping[str, Sequence[str]]) -> LeaseFilter:
    """The filters of a query.

    Raises:
        Refused: there is no such filter, or no such value.
    """
    values: dict[str, str] = {}
    for name, given in arguments.items():
        if name in _OF_THE_SERVER or name.isdecimal():  # JupyterLab's, against caches
            continue
        if name not in (*_FILTERS, "closed"):
            known = ", ".join((*_FILTERS, "closed"))
            raise Refused(400, f"there is no filter {quoted(name)}; there are: {known}")
        if len(given) != 1 or len(given[0]) > LONGEST_VALUE:
            raise Refused(400, f"give {name} once, with at most {LONGEST_VALUE} characters")
        choices = _CHOICES.get(name)
        if choices is not None and given[0] not in choices:
            raise Refused(400, f"{name} is one of {', '.join(choices)}; not {quoted(given[0])}")
        values[name] = given[0]
    closed = values.pop("closed", "false") == "true"
    return LeaseFilter(closed or values.get("state") == states.CLOSED, values)


def lease_id(text: str) -> LeaseId:
    """A lease's whole id.

    Raises:
        Refused: it cannot be one.
    """
    if not _ID.fullmatch(text):
        raise Refused(400, f"{quoted(text)} is no lease's id: take it from the list")
    return LeaseId(text)


def duration(body: bytes) -> float:
    """The seconds for which to keep a lease, from a request's body.

    Raises:
        Refused: the body or the duration in it is invalid.
    """
    given = _object(body)
    value = given.pop("duration", HALF_AN_HOUR)
    _refuse_others(given, "only a duration is asked for")
    if not isinstance(value, str | int | float) or len(str(value)) > 32:  # noqa: PLR2004
        raise Refused(400, "duration is a text such as '30m', or a number of seconds")
    try:
        found = seconds(value, "duration")
    except OptionError as error:
        raise Refused(400, plain(str(error))) from None
    if found is None or found > LONGEST_KEPT:
        raise Refused(400, f"duration is {LONGEST_KEPT / 86400:g} days at most")
    return found


def check_empty(body: bytes) -> None:
    """Check that a request's body asks for nothing.

    Raises:
        Refused: it does.
    """
    _refuse_others(_object(body), "nothing else is asked for")


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > LONGEST_BODY:
        raise Refused(413, f"the request's body has more than {LONGEST_BODY:,} bytes")
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise Refused(400, "the request's body is no JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, 'the request\'s body is no JSON object, such as {"duration": "30m"}')
    return found


def _refuse_others(given: Mapping[str, Any], rule: str) -> None:
    if given:
        raise Refused(400, f"{rule}, not {quoted(next(iter(given)))}")


def quoted(text: str, most: int = 40) -> str:
    """The beginning of `text`, in quotes."""
    shown = plain(text[: 2 * most])
    return repr(shown if len(shown) <= most else f"{shown[: most - 1]}…")
