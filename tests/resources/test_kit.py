"""`check_resource` says which promise a manager breaks, and leaves nothing of it."""

import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest

from resnb import resource_manager
from resnb.errors import CleanupError, OptionError
from resnb.ledger.recipes import kinds
from resnb.testing import BrokenPromisesError, StoppableEngine, check_resource
from resnb.testing.order import order_of
from resnb.testing.orderly import Orderly


class Good:
    """A folder, whose name is its tag."""

    parent = Path(tempfile.gettempdir())
    # of this process and those that it starts: other tests may run on this machine
    prefix = f"resnb-kit-{os.environ.setdefault('RESNB_KIT_TESTS', str(os.getpid()))}-"

    def setup(self):
        path = self.path(self.lease.id)
        path.mkdir()
        (path / "file").touch()
        return str(path)

    def path(self, lease_id):
        return self.parent / f"{self.prefix}{lease_id}"

    def find(self, lease_id):
        path = self.path(lease_id)
        return str(path) if path.exists() else None

    def cleanup(self, path):
        shutil.rmtree(path, ignore_errors=True)


class Kit:
    def count(self, lease_id):
        return len(list(Good.parent.glob(f"{Good.prefix}{lease_id}")))


@pytest.fixture(autouse=True)
def nothing_is_left(monkeypatch):
    monkeypatch.setattr("resnb.testing.orderly.LINGERING", 0.0)
    yield
    left = list(Good.parent.glob(f"{Good.prefix}*"))
    for path in left:
        shutil.rmtree(path, ignore_errors=True)  # a reaper may be at it


def broken(manager, **options):
    """What shows in this process."""
    lines = []
    Orderly(order_of(manager, **options), Kit().count, lines.append).check()
    return lines


def test_a_good_one_in_every_form():
    assert broken(Good()) == []
    assert broken(Good) == []
    assert broken(resource_manager(Good)) == []
    assert broken(resource_manager(Good)()) == []


class NotTagged(Good):
    def path(self, lease_id):
        return self.parent / f"{self.prefix}untagged-{id(self)}"


class NotReady(Good):
    def ready(self, path):
        raise OSError("no luck")


class NotFound(Good):
    def find(self, lease_id):
        return None


class FindsOthers(Good):
    def find(self, lease_id):
        return super().find(self.lease.id) or lease_id


class FindFails(Good):
    def find(self, lease_id):
        raise OSError("no luck")


class Keeps(Good):
    def cleanup(self, path):
        pass


class Once(Good):
    def cleanup(self, path):
        shutil.rmtree(path)


class Fails(Good):
    def setup(self):
        super().setup()
        raise OSError("no luck")


class Forgets(Good):
    find = None


@pytest.mark.parametrize(
    ("manager", "line"),
    [
        (NotTagged, "tag: the engine has nothing that carries the lease's id"),
        (NotReady, "set-up and readiness: OSError: no luck"),
        (NotFound, "found by tag: find(lease_id) does not find what is open"),
        (NotFound, "set-up that fails at its step 4 of 5: what is half made is left"),
        (FindsOthers, "found by tag: find(lease_id) finds something for a lease that is unknown"),
        (FindFails, "found by tag: find(lease_id) raises OSError: no luck"),
        (FindsOthers, "found by tag: find(lease_id) finds something after the clean-up"),
        (Keeps, "clean-up: it has returned, and the engine still has what set-up made"),
        (Once, "clean-up twice: the second time raises FileNotFoundError"),
        (Fails, "set-up and readiness: OSError: no luck"),
        (Forgets, "found by tag: there is no find(lease_id), so what is half made leaks"),
    ],
)
def test_a_promise_that_is_broken(manager, line):
    assert line in "\n".join(broken(manager()))


def test_the_use_by_two_tasks():
    seen = []
    assert broken(Good(), use=seen.append) == []
    first, *tasks = seen
    assert len(tasks) == 2
    assert set(tasks) != {first}
    lines = broken(Good(), use=lambda path: Path(path, "nothing").read_text())
    assert [one for one in lines if one.startswith("use by two tasks")]
    assert [one for one in lines if one.startswith("use: FileNotFoundError")]


class Kindly(Good):
    kind = "kindly"

    def handle(self, path):
        return path

    def cleanup(self, path):
        if path != str(self.path(self.lease.id)):
            raise CleanupError
        super().cleanup(path)


class Loose(Kindly):
    def cleanup(self, path):
        shutil.rmtree(path, ignore_errors=True)


def test_plain_data(monkeypatch):
    assert "kind 'kindly' is not registered" in broken(Kindly())[0]
    known = {}
    monkeypatch.setattr(kinds, "find", known.get)
    known["kindly"] = kinds.Kind("kindly", Kindly, {}, str)
    assert broken(Kindly()) == []
    known["kindly"] = kinds.Kind("kindly", Kindly, {}, {"id": str})
    assert "JSON round trip: LedgerError: kind 'kindly': its handle" in broken(Kindly())[0]
    known["kindly"] = kinds.Kind("kindly", Loose, {}, str)
    assert broken(Loose())[0] == (
        "found by tag: clean-up removes what another lease's handle points at"
    )


class NeedsKernel(Good):
    """Only the kernel that has made it can clean it up."""

    def setup(self):
        self.known = {self.lease.id: super().setup()}
        return object()

    def handle(self, made):
        return None

    def find(self, lease_id):
        return None

    def cleanup(self, made):
        if made is not None:
            super().cleanup(self.known[self.lease.id])


class Ends(Good):
    def setup(self):
        super().setup()
        os._exit(3)


class CleansAll(Good):
    def __init__(self, parent):
        self.parent = parent

    def cleanup(self, path):
        for one in self.parent.iterdir():
            shutil.rmtree(one, ignore_errors=True)


def test_a_cleanup_leaves_alone_what_others_hold(tmp_path):
    class Engine:
        def count(self, lease_id):
            return len(list(tmp_path.glob(f"*{lease_id}")))

    with pytest.raises(BrokenPromisesError) as caught:
        check_resource(CleansAll(tmp_path), Engine(), steps=1)
    assert caught.value.lines == ("clean-up: it also removes what another lease has made",)


def test_kernels_that_are_killed():
    with pytest.raises(BrokenPromisesError) as caught:
        check_resource(NeedsKernel(), Kit(), steps=1, patience=1.0)
    lines = caught.value.lines
    moment = "kill -9 in use: the engine still has 1"
    assert [one for one in lines if one.startswith(moment)]
    with pytest.raises(BrokenPromisesError, match="it ends its process: it has printed nothing"):
        check_resource(Ends(), Kit())
    with pytest.raises(OptionError, match="has to go to another process"):
        check_resource(Good(), Kit(), use=threading.Lock().acquire)


def test_engines():
    assert not isinstance(Kit(), StoppableEngine)
