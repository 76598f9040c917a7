"""Commands over REST, for leases of real kernels, living and dead, and of those out of sight."""

import os
import pickle
import re
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

import resnb
from resnb.ledger.store.store import Store
from tests.ledger.held import held, killed, reaper_of
from tests.ledger.worlds import (
    ELSEWHERE,
    appending,
    failing,
    gone,
    here,
    running,
    sweepers,
    wait_for,
)
from tests.ledger.worlds import lease as made
from tests.run.scripts import lines_until
from tests.server.served import ROOT, Served, end_all

LATER = 4e9


@pytest.fixture
def kernel(server, store, tmp_path, monkeypatch):
    """A process that holds a lease of a real flow; it says what has cleaned it up in a file."""
    monkeypatch.setenv("RESNB_HOME", str(server.home))
    process = held(tmp_path / "log", "hold(Held)\nwait()\n")
    lines_until(process, "open")
    yield process
    killed(process)


def the_only(found):
    (one,) = found.values()
    return one


def cleaned_by(tmp_path):
    """The pids of the processes that have cleaned up."""
    log = tmp_path / "log"
    return [int(line.split()[1]) for line in log.read_text().splitlines()] if log.exists() else []


def until_told(tmp_path):
    """Statements of a clean-up that wait for the file `go`."""
    return f"""
import pathlib, threading
while not pathlib.Path({str(tmp_path / "go")!r}).exists():
    threading.Event().wait(0.02)
"""


# ---- living kernels


def test_a_kernel_that_lives_is_asked_to_clean_up(server, kernel, tmp_path):
    one = the_only(server.leases())
    assert (one["state"], one["kernel"], one["pid"]) == ("open", "alive", kernel.pid)
    assert one["protected"] is True
    answer = server.command(one["id"], "cleanup")
    assert answer.status == 202
    assert [left["id"] for left in answer.json["leases"]] in ([one["id"]], [])
    wait_for(lambda: not server.leases(), "the kernel to clean up")
    assert cleaned_by(tmp_path) == [kernel.pid]
    (closed,) = server.ask("GET", "leases?state=closed").json["leases"]
    assert (closed["id"], closed["state"], closed["orphan"]) == (one["id"], "closed", False)


def test_what_is_kept_survives_its_kernel_until_it_is_cleaned_up(server, kernel, tmp_path):
    lease = the_only(server.leases())["id"]
    (one,) = server.command(lease, "keep", {"duration": "30m"}).json["leases"]
    assert (one["keep"], one["kept"]) == (1800.0, False)
    killed(kernel)
    wait_for(lambda: the_only(server.leases())["kept"], "the reaper to keep it")
    one = the_only(server.leases())
    assert (one["state"], one["kernel"], one["orphan"]) == ("kept", "dead", False)
    assert cleaned_by(tmp_path) == []
    assert server.command(lease, "cleanup").status == 202
    wait_for(lambda: not server.leases(), "it to be cleaned up")
    assert len(cleaned_by(tmp_path)) == 1
    assert kernel.pid not in cleaned_by(tmp_path)


def test_what_a_living_kernel_holds_cannot_be_adopted(server, kernel):
    answer = server.command(the_only(server.leases())["id"], "adopt")
    assert answer.status == 409
    assert "is held by a kernel that is alive" in answer.json["message"]


# ---- dead kernels, and others


def test_what_a_dead_kernel_left_is_cleaned_up_by_a_process_of_its_own(
    server, lease, store, tmp_path
):
    logs = f"open({str(tmp_path / 'log')!r}, 'w').write('inner 1')"
    # a sweep of the server's own may find them before they are looked at
    lease("left", gone(), around=("outer",), **running(until_told(tmp_path) + logs))
    lease(
        "outer",
        gone(),
        **running(f"open({str(tmp_path / 'pid')!r}, 'w').write(str(__import__('os').getpid()))"),
    )
    assert server.leases()["flow/outer"]["orphan"] is True
    assert server.command("outer", "cleanup").status == 202
    (tmp_path / "go").touch()
    wait_for(lambda: not server.leases(), "both to be cleaned up")
    assert cleaned_by(tmp_path) == [1]
    assert int((tmp_path / "pid").read_text()) not in (server.process.pid, os.getpid())


def test_what_failed_is_tried_again_when_asked_and_says_why(server, lease):
    # a sweep of the server's own may try it before it is looked at
    lease("left", gone(), state="failed", tries=99, reason="it was stuck", **failing("still stuck"))
    assert server.command("left", "cleanup").status == 202
    wait_for(lambda: "still stuck" in the_only(server.leases())["reason"], "another try")


def test_a_kernel_out_of_sight_is_taken_over_only_if_it_is_named(server, lease):
    lease("afar", ELSEWHERE)
    lease("inside", ELSEWHERE, dies_with_kernel=True)
    assert {one["state"] for one in server.leases().values()} == {"unknown"}
    assert server.command("afar", "keep").status == 409
    answer = server.command("inside", "cleanup")
    assert answer.status == 409
    assert "lives inside a kernel that cannot be seen" in answer.json["message"]
    before = server.ask("GET", "leases").json["now"]
    (one,) = server.command("afar", "adopt", {"duration": 900}).json["leases"]
    assert (one["state"], one["kept"], one["pid"]) == ("kept", True, None)
    assert before <= one["keep_until"] - 900 <= server.ask("GET", "leases").json["now"]


@pytest.mark.parametrize("verb", ["cleanup", "keep", "adopt"])
def test_what_is_not_alive_is_not_found(server, store, lease, verb):
    lease("over", gone())
    store.close("over", 3000.0)
    for one in ("over", "nobody", "flow"):
        answer = server.command(one, verb)
        assert answer.status == 404
        assert answer.json == {"message": f"no lease with the id '{one}' is alive"}


@pytest.mark.parametrize("verb", ["cleanup", "keep", "adopt"])
def test_a_lease_that_is_called_like_the_id_of_another_is_not_taken_for_it(
    server, store, lease, verb
):
    lease("abcdef", gone(), keep_until=LATER, state="kept")
    lease("trap", gone(), keep_until=LATER, state="kept", name="abcdef")
    before = store.get("trap")
    assert server.command("abcdef", verb).status in (200, 202)
    assert store.get("trap") == before


def test_many_who_ask_at_once_start_few_sweepers(server, lease, tmp_path):
    for number in range(6):
        lease(f"left{number}", gone(), **running(until_told(tmp_path)))
    began, most = time.monotonic(), 0
    for number in range(30):
        assert server.command(f"left{number % 6}", "cleanup").status == 202
        most = max(most, len(sweepers(server.home)))
    # one a second and one of the server's own; each forks once
    assert most <= 2 * (2 + time.monotonic() - began) + 1
    (tmp_path / "go").touch()
    wait_for(lambda: not server.leases(), "all to be cleaned up")


# ---- the list


def test_filters_are_exact_and_all_of_them_hold(server, lease, store):
    lease("aaaa", name="etl/db", notebook="/a.ipynb", session="s")
    lease("bbbb", gone(), name="etl/db", state="kept", keep_until=LATER, created=2000.0)
    lease("cccc", name="etl/dbs", created=3000.0)
    lease("over", gone(), name="etl/db")
    store.close("over", 4000.0)

    def ids(query):
        return [one["id"] for one in server.ask("GET", f"leases?{query}").json["leases"]]

    assert ids("name=etl/db") == ["aaaa", "bbbb"]
    assert ids("name=etl/db&kernel=alive") == ["aaaa"]
    assert ids("name=etl/db&closed=true") == ["over", "aaaa", "bbbb"]
    assert ids("state=closed") == ["over"]
    assert ids("state=kept") == ["bbbb"]
    assert ids("notebook=/a.ipynb") == ids("session=s") == ids("id=aaaa") == ["aaaa"]
    assert ids("1700000000000") == ["aaaa", "bbbb", "cccc"]  # how JupyterLab goes past caches


def test_a_recipe_is_never_loaded_by_the_server(server, lease, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "loaded"),)

    lease("trap", recipe=pickle.dumps(Bomb()), handle=pickle.dumps(Bomb()))
    assert list(server.leases()) == ["flow/trap"]
    for verb in ("keep", "adopt", "cleanup"):
        assert server.command("trap", verb).status in (200, 202, 409)
    assert not (tmp_path / "loaded").exists()


# ---- servers of other kinds


def test_what_the_authoriser_forbids_is_not_done(tmp_path, own_ipython_profile):
    option = "--ServerApp.authorizer_class=tests.server.authorizers.AsItSays"
    server = Served(tmp_path, option)
    try:
        Store(server.home).add(made("abcd", here(), name="secret"))
        nothing = server.pass_by_token
        reading = {**nothing, "X-May": "read resnb"}
        writing = {**nothing, "X-May": "read resnb, write resnb"}
        for method, path in (("GET", "leases"), ("GET", "version"), ("GET", "stream")):
            answer = server.ask(method, path, headers=nothing)
            assert answer.status == 403
            assert "User is not authorized to read on resource: resnb" in answer.json["message"]
        assert server.ask("GET", "leases", headers=reading).json["total"] == 1
        with server.stream(reading) as stream:
            assert "secret" in stream.recv()
        for verb in ("keep", "adopt", "cleanup"):
            answer = server.command("abcd", verb, headers=reading)
            assert answer.status == 403
            assert "not authorized to write" in answer.json["message"]
        assert Store(server.home).get("abcd").request == ""
        assert server.command("abcd", "cleanup", headers=writing).status == 202
        assert Store(server.home).get("abcd").request == "cleanup"
    finally:
        server.close()


def test_orphans_are_swept_at_the_start_and_then_now_and_then(tmp_path, own_ipython_profile):
    store, log = Store(tmp_path / "ledger"), tmp_path / "log"
    store.add(made("left", gone(), **appending(log, "cleaned 1")))
    server = Served(tmp_path, "--ResnbServer.sweep_every=1")
    try:
        wait_for(lambda: cleaned_by(tmp_path) == [1], "the first sweep")
        store.add(made("later", gone(), **appending(log, "cleaned 2")))
        wait_for(lambda: cleaned_by(tmp_path) == [1, 2], "another sweep")
    finally:
        server.close()
        end_all(store)
    assert "Traceback" not in server.log()


@pytest.mark.sample(1)
@pytest.mark.parametrize("survivor", [None, "its reaper, stopped"])
def test_a_kernel_that_ends_with_its_reaper_is_noticed_and_swept(
    tmp_path, own_ipython_profile, monkeypatch, survivor
):
    server = Served(tmp_path)
    monkeypatch.setenv("RESNB_HOME", str(server.home))
    kernel = held(tmp_path / "log", "hold(Held)\nwait()\n")
    reaper = None
    try:
        lines_until(kernel, "open")
        reaper = reaper_of(server.home, kernel.pid)
        os.kill(reaper, signal.SIGKILL if survivor is None else signal.SIGSTOP)
        killed(kernel)
        wait_for(lambda: len(cleaned_by(tmp_path)) == 1, "the sweep")
        wait_for(lambda: Store(server.home).alive() == [], "the lease to be closed")
        if survivor is not None:
            os.kill(reaper, signal.SIGCONT)
            wait_for(lambda: not Path(f"/proc/{reaper}").exists(), "the reaper to end")
        assert len(cleaned_by(tmp_path)) == 1
    finally:
        killed(kernel)
        server.close()
        if reaper is not None:
            with suppress(ProcessLookupError):
                os.kill(reaper, signal.SIGKILL)
        end_all(Store(server.home))


def test_the_package_enables_the_extension():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    (source,) = [one for one, to in shared.items() if "jupyter_server_config.d" in to]
    assert Path(shared[source]).parent == Path("etc/jupyter/jupyter_server_config.d")
    text = (ROOT / source).read_text(encoding="utf-8")
    assert '"resnb": true' in text


@pytest.mark.long
def test_the_server_says_that_the_extension_is_enabled_and_ok(tmp_path):
    folder = tmp_path / "jupyter_server_config.d"
    folder.mkdir(parents=True)
    (folder / "resnb.json").write_text((ROOT / "jupyter-config" / "resnb.json").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_server.extension.serverextension", "list"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JUPYTER_CONFIG_DIR": str(tmp_path),
            "NO_COLOR": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    said = re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)
    assert re.search(r"\bresnb enabled\n", said), said
    assert re.search(rf"\bresnb {re.escape(resnb.__version__)} OK\n", said), said
