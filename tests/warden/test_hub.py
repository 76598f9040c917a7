"""The warden as a service of a real JupyterHub, which starts it, and each server in a pod."""

import json
import os
import re
import shutil
import socket
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.crash.containers import hub as hubs
from benchmarks.crash.containers.fronts import Hubbed
from benchmarks.crash.engine import NoEngineError, script
from benchmarks.crash.fronts import environment_of
from tests.ledger.things import PATIENCE, until

ROOT = Path(__file__).parents[2]
SERVICE = "resources"
CONFIG = """
exec(open({original!r}).read(), globals())
c.Authenticator.admin_users = {{"boss"}}
c.JupyterHub.services.append({{
    "name": {name!r}, "url": "http://127.0.0.1:{port}", "command": {command!r},
    "environment": {environment!r},
}})
c.JupyterHub.load_roles.append({{
    "name": {name!r}, "scopes": ["list:users", "read:servers"], "services": [{name!r}],
}})
"""
pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


@pytest.fixture
def hub(server, tmp_path, monkeypatch):
    """A hub that has the warden as its service."""
    try:
        hubs.check()
    except NoEngineError as error:
        pytest.fail(f"NO HUB HERE: {error}")
    original = script(hubs.SCRIPT)
    engines = tmp_path / "engines"
    engines.mkdir()
    shutil.copy(original, engines / hubs.SCRIPT)
    environment = {
        "RESNB_LEDGER": server.url_of("warden"),
        "RESNB_HOME": str(tmp_path / "warden"),
        "PYTHONPATH": os.pathsep.join(
            [str(ROOT), str(ROOT / "benchmarks" / "crash" / "kind_package")]
        ),
        "PATH": os.environ["PATH"],
        "RESNB_TEST_SOON": "2",
    }
    text = CONFIG.format(
        original=str(original.with_name("jupyterhub_config.py")), name=SERVICE, port=_free_port(),
        command=[str(hubs.INSTALLED / "bin" / "python"), "-m", "tests.warden.warden_stub"],
        environment=environment,
    )  # fmt: skip
    (engines / "jupyterhub_config.py").write_text(text)
    monkeypatch.setenv("CRASH_ENGINES", str(engines))
    found = hubs.Hub()
    yield found
    found.remove()


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def page(hub, path="", token=None):
    """What the service answers: its status and its text."""
    request = urllib.request.Request(f"{hub._url}/services/{SERVICE}/{path}")
    if token:
        request.add_header("Authorization", f"token {token}")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def token_of(hub, user):
    """A token of a user of the hub."""
    with suppress(urllib.error.HTTPError):  # an administrator is there already
        hub.ask("POST", f"/hub/api/users/{user}")
    return hub.ask("POST", f"/hub/api/users/{user}/tokens")["token"]


def test_a_hubs_service_sees_servers_stop_and_shows_administrators_what_is_alive(
    hub, server, monkeypatch
):
    monkeypatch.setenv("RESNB_LEDGER", server.url_of("alice"))
    environment = {**environment_of(hub.shared), "RESNB_LEDGER": server.url_of("alice")}
    front = Hubbed(hub, environment)
    front.begin()
    store = server.store(hub.shared / "other", "alice")
    try:
        front.run(
            """
%load_ext resnb
from resnb import resource_manager
from resnb_trials import Folder
Thing = resource_manager(Folder)
"""
        )
        front.run(f"%%flow trial --with Thing({str(hub.shared)!r}, 0.0) as thing --run\n# open")
        (lease,) = store.alive()
        assert lease.kind == "trial-folder"
        store.change(lease.id, notice="<b>thing</b>")
        admin, other = token_of(hub, "boss"), token_of(hub, "u2")
        status, text = page(hub, token=admin)
        assert status == 200
        assert "&lt;b&gt;thing&lt;/b&gt;" in text
        assert "<b>" not in text
        assert text.count("<th>") == text.count("<td>")  # a head for each cell of the one row
        status, text = page(hub, "leases.json", token=admin)
        (found,) = json.loads(text)["leases"]
        assert (found["account"], found["kind"]) == ("alice", "trial-folder")
        assert page(hub, "leases.json", token=other)[0] == 403
        status, text = page(hub, "leases.json")
        assert "alice" not in text  # it is the hub's own page, for logging in
        hub.kill_server()
    finally:
        front.close()
    until(lambda: store.alive() == [], 60)
    assert list((hub.shared / "things").iterdir()) == []
    assert re.search("the hub says that /user/u/ has stopped", hub.log())
