"""`SparkSession`: what needs no Spark, and, among the long tests, real Spark of both kinds."""

import doctest
import os
import signal
import sys
import uuid

import psutil
import pytest

from resnb.errors import CleanupError, LedgerError, OptionError, ResnbError
from resnb.ledger.recipes import kinds
from resnb.ledger.recipes.handles import FoundLease
from resnb.resources import SparkSession, spark
from tests.resources.elsewhere import elsewhere
from tests.resources.killed import becomes, killed

pytestmark = [  # pyspark's own: of pandas, of sockets that it leaves to the garbage collector
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
QUIET = {"spark.ui.enabled": False}


# ---- without Spark


@pytest.mark.parametrize("remote", ["", "host:15002", "sc://", "http://host"])
def test_what_is_no_address(remote):
    with pytest.raises(OptionError, match="is no address such as 'sc://host:15002'"):
        SparkSession(remote=remote).open("one")
    with pytest.raises(OptionError, match="names a session_id, but a session of its own"):
        SparkSession(remote="sc://h/;session_id=x").open("one")


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(ResnbError, match=r"needs pyspark: pip install 'resnb\[spark\]'"):
        SparkSession().open("one")


def test_a_server_that_does_not_answer():
    manager = SparkSession.definition(remote="sc://127.0.0.1:9/;use_ssl=true")
    with pytest.raises(
        ResnbError, match=r"no Spark Connect server answers at 127\.0\.0\.1:9: .*re"
    ):
        kinds.arguments_of(kinds.kind_of(manager), manager)


@pytest.mark.parametrize(
    ("remote", "kept"),
    [
        ("sc://h", "sc://h/;user_id=ann"),
        ("sc://h:1/", "sc://h:1/;user_id=ann"),
        ("sc://h:1/;token=secret;use_ssl=true", "sc://h:1/;use_ssl=true;user_id=ann"),
        ("sc://h/;user_id=bob;token=secret", "sc://h/;user_id=bob"),
    ],
)
def test_what_the_ledger_keeps_of_an_address(monkeypatch, remote, kept):
    monkeypatch.setenv("SPARK_USER", "ann")
    manager = SparkSession.definition(remote=remote)
    manager._answers = True
    assert manager.remote == kept
    assert manager.__getstate__()["_address"] == kept
    other = kinds.find("spark").make(remote=kept)
    assert other._address == kept


def test_which_one_ends_with_the_kernel():
    assert SparkSession.definition().dies_with_kernel
    assert SparkSession.definition(remote="local[2]").dies_with_kernel
    assert not SparkSession.definition(remote="sc://h").dies_with_kernel


def test_a_handle_off_the_schema_is_refused():
    for handle in ({"session": "x"}, {"session": str(uuid.uuid4()), "more": 1}, "", None):
        with pytest.raises(LedgerError, match="its handle cannot be trusted"):
            kinds.find("spark").handle_data(handle)


# ---- Spark in this kernel


def java():
    """The Java processes of Spark that this process, or one that it killed, has started."""
    found = []
    for one in psutil.process_iter(["cmdline", "status"]):
        words = one.info["cmdline"] or []
        if "spark.app.name=resnb" in words and one.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(one.pid)
    return found


@pytest.mark.long
def test_sessions_of_this_kernel():
    """One after the other, each with a Java process of its own; also when that is killed."""
    with SparkSession("local[2]", config=QUIET) as session:
        assert session.range(10).count() == 10
        assert len(java()) == 1
        with (
            pytest.raises(ResnbError, match="this kernel has a session, and can have only one"),
            SparkSession(),
        ):
            pass
        assert session.range(3).count() == 3
    assert becomes(java, []) == []
    with SparkSession("local[1]", config={**QUIET, "spark.sql.shuffle.partitions": 3}) as session:
        assert session.conf.get("spark.sql.shuffle.partitions") == "3"
        os.kill(java()[0], signal.SIGKILL)
    assert becomes(java, []) == []
    assert doctest.testmod(spark) == (0, 2)
    assert becomes(java, []) == []


@pytest.mark.long
def test_a_killed_kernel_whose_fork_holds_the_pipe_leaves_none(ledger_home):
    """The Java process ends with the pipe, which such a child keeps open: the reaper ends it."""
    child = killed(
        "import os\nfrom resnb.resources import SparkSession\n"
        f"SparkSession('local[1]', config={QUIET}).open('one')\n"
        "child = os.fork()\n"
        "if not child:\n    import signal\n    signal.pause()\n"
        "print(child, flush=True)"
    )
    try:
        assert becomes(java, []) == []
    finally:
        os.kill(int(child), signal.SIGKILL)


# ---- Spark Connect


def is_closed(spark_connect, session_id):
    """Whether the server has released a session, which it remembers."""
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client import SparkConnectClient

    user = os.environ.get("USER", "")
    client = SparkConnectClient(f"{spark_connect}/;session_id={session_id};user_id={user}")
    try:
        return "4." not in client._analyze(method="spark_version").spark_version
    except PySparkException as error:
        return "SESSION_CLOSED" in str(error)
    finally:
        client.close()


@pytest.fixture(autouse=True)
def user(monkeypatch):
    monkeypatch.setenv("USER", "ann")


@pytest.mark.long
def test_a_session_of_a_server(spark_connect):
    with SparkSession(remote=spark_connect, config={"spark.sql.shuffle.partitions": 3}) as session:
        found = session.session_id
        assert session.range(10).count() == 10
        assert session.conf.get("spark.sql.shuffle.partitions") == "3"
        assert not is_closed(spark_connect, found)
    assert is_closed(spark_connect, found)
    assert "SPARK_CONNECT_MODE_ENABLED" not in os.environ


@pytest.mark.long
def test_a_session_of_a_server_from_plain_data(spark_connect):
    held = SparkSession(remote=spark_connect).open("one")
    manager, session_id = held.lease.manager, held.value.session_id
    assert session_id == str(uuid.UUID(manager.lease.id))
    other, found = elsewhere("spark", manager, manager.handle(held.value))
    other.lease = FoundLease(uuid.uuid4().hex)
    with pytest.raises(CleanupError, match=f"session {session_id} is not of this lease"):
        other.cleanup(found)
    assert not is_closed(spark_connect, session_id)
    found.stop()
    other, found = elsewhere("spark", manager, manager.handle(held.value))
    other.cleanup(found)
    assert is_closed(spark_connect, session_id)
    found = other.find(manager.lease.id)
    other.cleanup(found)
    assert other.find(manager.lease.id) is None
    held.close()


@pytest.mark.long
def test_a_killed_kernel_leaves_no_session(spark_connect, ledger_home):
    session_id = killed(
        "from resnb.resources import SparkSession\n"
        f"held = SparkSession(remote='{spark_connect}').open('one')\n"
        "held.value.range(1).createTempView('mine')\n"
        "print(held.value.session_id, flush=True)"
    )
    assert becomes(lambda: is_closed(spark_connect, session_id))
