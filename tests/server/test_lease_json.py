"""Leases as browsers are shown them, whatever is in the ledger."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.ledger.admin.listing import listed
from resnb.server import lease_json, wire
from resnb.server.kernels import Known
from resnb.server.requests import LeaseFilter, lease_filter
from resnb.wire import fault
from tests.ledger.records import record
from tests.ledger.worlds import gone, here, seen

TEXTS = st.text() | st.sampled_from(["x" * 5000, "\x1b[31m" * 900, "</script>", "\u2028", "\x00"])
NUMBERS = st.none() | st.floats()


def shown(one):
    return listed(one, seen(one.owner))


@given(
    name=TEXTS,
    notebook=TEXTS,
    reason=TEXTS,
    notice=TEXTS,
    unprotected=TEXTS,
    ttl=NUMBERS,
    keep_until=NUMBERS,
    created=st.floats(),
)
def test_whatever_a_record_says_it_is_json_that_fits(**values):
    found = lease_json.lease(shown(record(owner=gone(), **values)))
    text = json.dumps(found, allow_nan=False)
    assert text.isascii()
    assert fault(wire.Lease, found) == ""
    for value in json.loads(text).values():
        if isinstance(value, str):
            assert value.isprintable()
            assert len(value) <= lease_json.LONGEST
        elif isinstance(value, float):
            assert math.isfinite(value)


def forms(count):
    return (lease_json.lease(shown(record(f"r{number}"))) for number in range(count))


def test_a_list_shows_the_latest_and_says_how_many_there_are():
    found = lease_json.leases(forms(lease_json.MOST + 5))
    assert (found.total, len(found.shown)) == (lease_json.MOST + 5, lease_json.MOST)
    assert (found.shown[0]["id"], found.shown[-1]["id"]) == ("r5", f"r{lease_json.MOST + 4}")
    assert json.loads(found.text) == list(found.shown)


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("/srv/jo/a/b.ipynb", "/srv/jo", "a/b.ipynb"),
        ("/srv/jo/a/b.ipynb", "/srv/jo/", "a/b.ipynb"),
        ("/srv/jo", "/srv/jo", "/srv/jo"),
        ("/srv/joe/b.ipynb", "/srv/jo", "/srv/joe/b.ipynb"),
        ("HOME/b.ipynb", "/srv/jo", "~/b.ipynb"),
        ("HOME/nb/b.ipynb", "HOME/nb", "b.ipynb"),
        ("HOME", "", "~"),
        ("/a.ipynb", "/", "a.ipynb"),
        ("", "/srv", ""),
    ],
)
def test_notebooks_are_named_from_the_servers_folder_or_home(path, root, expected):
    home = str(Path.home())
    path, root = path.replace("HOME", home), root.replace("HOME", home)
    found = lease_json.lease(shown(record(notebook=path)), Known(root=root))
    assert found["notebook"] == expected
    wanted = lease_filter({"notebook": [path]}) if path else LeaseFilter(closed=False, values={})
    assert wanted.by_short_path(root).takes(found)
    assert wanted.by_short_path(root).by_short_path(root).takes(found)


def test_no_notebook_is_named_by_a_home_that_is_the_root(monkeypatch):
    monkeypatch.setenv("HOME", "/")
    for path in ("", "/", "/nb/b.ipynb"):
        assert lease_json.lease(shown(record(notebook=path)))["notebook"] == path


def test_a_notebook_that_the_server_has_is_known_by_its_path():
    known = Known(ended={here().pid: 7.0}, root="/srv/books")

    def path(notebook, owner):
        found = lease_json.lease(shown(record(notebook=notebook, owner=owner)), known)
        return found["path"], found["kernel_ended"]

    assert path("/srv/books/sub/a b.ipynb", here()) == ("sub/a b.ipynb", None)
    assert path("/srv/books/sub", gone()) == (None, None)
    assert path("/srv/other.ipynb", gone()._replace(pid=here().pid)) == (None, 7.0)


def test_a_message_has_all_that_a_list_has():
    message = json.loads(lease_json.message(lease_json.leases(forms(2)), 5.0, 'it"s\nbroken'))
    assert (message["now"], message["total"], message["error"]) == (5.0, 2, 'it"s broken')
    assert [one["id"] for one in message["leases"]] == ["r0", "r1"]


def test_what_is_asked_kept_orphaned_or_given_up_is_marked():
    def marks(owner, **values):
        found = lease_json.lease(shown(record(owner=owner, **values)))
        return {name for name in ("asked", "kept", "orphan", "given_up") if found[name]}

    later = 4e9
    assert marks(here()) == set()
    assert marks(here(), request="cleanup") == {"asked"}
    assert marks(here(), request="cleanup", state="closing") == set()
    assert marks(gone()) == {"orphan"}
    assert marks(gone(), state="closed", ended=1.0) == set()
    assert marks(gone(), state="kept", keep_until=later) == {"kept"}
    assert marks(gone(), state="kept", keep_until=1.0) == {"orphan"}
    assert marks(gone(), state="failed", tries=99) == {"orphan", "given_up"}


def test_a_lease_and_a_list_have_just_what_their_types_have():
    found = lease_json.lease(shown(record()))
    assert found.keys() == wire.Lease.__annotations__.keys()
    message = json.loads(lease_json.message(lease_json.leases([found]), 5.0, "error"))
    assert message.keys() == wire.LeaseList.__annotations__.keys()
    assert fault(wire.LeaseList, message) == ""
