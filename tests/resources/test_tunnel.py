"""`SSHTunnel` on a real sshd. No `ssh` is left."""

import doctest
import socket
import subprocess
from contextlib import suppress

import psutil
import pytest

from resnb.errors import CleanupError, OptionError, ResnbError
from resnb.ledger.recipes import kinds
from resnb.ledger.recipes.handles import FoundLease
from resnb.resources import SSHTunnel
from resnb.resources import tunnel as tunnel_module
from tests.resources.elsewhere import elsewhere
from tests.resources.killed import becomes, killed
from tests.resources.sshd import sshd


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """The port of an sshd, and the folder with its key and a configuration for it."""
    folder = tmp_path_factory.mktemp("sshd")
    with sshd(folder) as port:
        yield port, folder


@pytest.fixture(autouse=True)
def nothing_left(box):
    yield
    assert becomes(lambda: tunnels(box), []) == []


def tunnels(box):
    """The command lines of the `ssh` that know this sshd."""
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            words = one.cmdline()
            if words[:1] == ["ssh"] and any(str(box[1]) in word for word in words):
                found.append(words)
    return found


def banner(port):
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        return connection.recv(7)


def test_a_tunnel(box):
    port, folder = box
    with SSHTunnel("box", port, config=folder / "config") as tunnel:
        assert banner(tunnel.port) == b"SSH-2.0"
        assert tunnel.returncode is None
        assert repr(tunnel) == "<RunningTunnel: running>"
        assert len(tunnels(box)) == 1
    assert tunnel.returncode is not None
    with pytest.raises(ConnectionRefusedError):
        banner(tunnel.port)


def test_the_example_in_its_docstring(box):
    tried = doctest.testmod(tunnel_module, extraglobs={"config": box[1] / "config"})
    assert tried == (0, 2)


@pytest.mark.parametrize("form", ["box:{}", "ssh://box:{}"])
def test_the_forms_of_a_host(box, form):
    port, folder = box
    known = f"Host box\n  HostName 127.0.0.1\n  UserKnownHostsFile {folder}/known_by_now\n"
    (folder / "other").write_text(known)
    used = SSHTunnel(form.format(port), port, 0, "root", folder / "user", config=folder / "other")
    with used as tunnel:
        assert banner(tunnel.port) == b"SSH-2.0"
    assert f":{port}" in (folder / "known_by_now").read_text()


def test_who_is_unknown_or_strange_is_refused(box):
    port, folder = box
    strict = (folder / "config").read_text().replace("/known", "/none")
    (folder / "strict").write_text(f"{strict}  StrictHostKeyChecking yes\n")
    with (
        pytest.raises(ResnbError, match=r"Host key verification failed.*connect once"),
        SSHTunnel("box", port, config=folder / "strict"),
    ):
        pass
    assert not (folder / "none").exists()
    (folder / "keyless").write_text((folder / "config").read_text().replace("/user\n", "/nokey\n"))
    with (
        pytest.raises(ResnbError, match=r"Permission denied.*give key="),
        SSHTunnel("box", port, config=folder / "keyless"),
    ):
        pass


def test_a_port_that_is_taken(box):
    port, folder = box
    with (
        pytest.raises(ResnbError, match=r"to box could not be opened: .*Address already in use"),
        SSHTunnel("box", port, local_port=port, config=folder / "config"),
    ):
        pass


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "-oProxyCommand=touch x"}, "is no name of a machine"),
        ({"host": ""}, "is no name of a machine"),
        ({"remote_port": 0}, "remote_port=0 is no port"),
        ({"remote_port": 65536}, "remote_port=65536 is no port"),
        ({"local_port": -1}, "local_port=-1 is no port"),
        ({"key": "no-such-key"}, "key='no-such-key' is no file"),
        ({"config": "no-such-file"}, "config='no-such-file' is no file"),
    ],
)
def test_arguments_that_cannot_be(options, message):
    with (
        pytest.raises(OptionError, match=message),
        SSHTunnel(**{"host": "box", "remote_port": 1, **options}),
    ):
        pass


def test_what_ssh_itself_refuses(box):
    (box[1] / "bad").write_text("Nonsense yes\n")
    with pytest.raises(ResnbError, match="bad configuration options"):
        SSHTunnel("box", 1, config=box[1] / "bad").open("one")
    with pytest.raises(ResnbError, match="could not be opened"):
        SSHTunnel("a b", 1).open("one")


def test_without_the_program(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ResnbError, match="SSHTunnel needs OpenSSH's program ssh: install"):
        SSHTunnel("box", 1).open("one")


def test_a_shared_connection_does_not_keep_it(box):
    """A tunnel over the user's ControlMaster would stay open there when its `ssh` has ended."""
    port, folder = box
    shared = f"{(folder / 'config').read_text()}  ControlMaster auto\n  ControlPath {folder}/c\n"
    (folder / "shared").write_text(shared)
    master = ["ssh", "-F", folder / "shared", "-N", "box"]
    with subprocess.Popen(master, stdin=subprocess.DEVNULL) as first:
        assert becomes((folder / "c").exists)
        with SSHTunnel("box", port, config=folder / "shared") as tunnel:
            assert banner(tunnel.port) == b"SSH-2.0"
        with pytest.raises(ConnectionRefusedError):
            banner(tunnel.port)
        first.terminate()


def test_a_tunnel_from_plain_data(box):
    port, folder = box
    held = SSHTunnel("box", port, config=folder / "config").open("one")
    manager, tunnel = held.lease.manager, held.value
    assert kinds.kind_of(manager).name == "ssh_tunnel"
    other, found = elsewhere("ssh_tunnel", manager, manager.handle(tunnel))
    assert (found.pid, found.port, found.returncode) == (tunnel.pid, tunnel.port, None)
    assert other.find(manager.lease.id).pid == tunnel.pid
    other.lease = FoundLease("0" * 32)
    with pytest.raises(CleanupError, match=f"process {tunnel.pid} is not of this lease"):
        other.cleanup(found)
    assert tunnel.returncode is None
    other.lease = manager.lease
    other.cleanup(found)
    other.cleanup(found)
    assert tunnel.returncode is not None
    assert other.find(manager.lease.id) is None
    held.close()


def test_a_tunnel_of_another_machine_is_out_of_sight(box):
    held = SSHTunnel("box", box[0], config=box[1] / "config").open("one")
    manager = held.lease.manager
    handle = {**manager.handle(held.value), "place": ["another", "boot", "namespace"]}
    other, found = elsewhere("ssh_tunnel", manager, handle)
    with pytest.raises(CleanupError, match="of another container or machine"):
        other.cleanup(found)
    held.close()


def test_a_killed_kernel_leaves_none(box, ledger_home):
    port, folder = box
    line = killed(
        "from resnb.resources import SSHTunnel\n"
        f"held = SSHTunnel('box', {port}, config='{folder}/config').open('one')\n"
        "print(held.value.port, flush=True)"
    )
    assert becomes(lambda: tunnels(box), []) == []
    with pytest.raises(ConnectionRefusedError):
        banner(int(line))
