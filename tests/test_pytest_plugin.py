"""The pytest plugin: sessions wait for what their kernels left, and fail where it stays."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

from resnb.ledger.admin.commands import LedgerCommands
from resnb.pytest_plugin import ItemTimes
from tests.ledger.worlds import end_sweepers

ROOT = Path(__file__).parents[1]
HEAD = f"""
import os, sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from resnb.ledger.admin.commands import LedgerCommands
from tests.ledger.worlds import ELSEWHERE, appending, failing, gone, here, lease

def left(lease_id="abcdef", **values):
    values = {{"owner": gone(), "session": os.environ["RESNB_SESSION"], **values}}
    commands = LedgerCommands()
    commands.store.add(lease(lease_id, created=time.time(), **values))
    return commands
"""
GIVEN_UP = 'left(state="failed", reason="OSError: stuck", handle=None, notebook="/nb/a.ipynb")'
IN_WORK = 'left(state="closing", claimant=here()._replace(pid=1, started=0))'


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "ledger"
    monkeypatch.setenv("RESNB_HOME", str(home))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    yield home
    end_sweepers(home)


@pytest.fixture
def session(pytester, home):
    """Runs tests in a session of their own, with the plugin."""

    def run(body, *options):
        pytester.makepyfile(HEAD + body)
        plugins = ["-p", "resnb.pytest_plugin", "-p", "no:cacheprovider"]
        return pytester.runpytest_subprocess(*plugins, *options)

    return run


def a_test(statement):
    return f"\ndef test_it():\n    {statement}\n"


def test_where_nothing_is_opened_nothing_is_looked_at(session, home):
    result = session(a_test("assert os.environ['RESNB_SESSION']"))
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*resnb:*")
    assert not home.exists()


def test_what_is_closed_or_another_sessions_is_no_concern(session):
    result = session(
        a_test("left().store.close('abcdef', 5.0)")
        + a_test("left('other', session='another', state='failed', handle=None)")
        + a_test("left('mine', owner=here())")
        + a_test("left('far', owner=ELSEWHERE)")
    )
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*resnb:*")


def test_what_was_given_up_fails_the_session_with_names(session):
    result = session(a_test(GIVEN_UP))
    assert result.ret == 1
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*= resources left behind =*",
            "flow/abcdef, opened by /nb/a.ipynb during test_*.py::test_it, failed: OSError: stuck",
            "*resnb log NAME*",
        ]
    )


def test_what_is_still_being_cleaned_up_at_the_deadline_fails_the_session(session):
    result = session(a_test(IN_WORK), "--resnb-wait=0.2s")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["resnb: waiting up to 0.2 s for the clean-up of 1 resource of*"])
    result.stdout.fnmatch_lines(["flow/abcdef, opened by *, closing"])


def test_the_session_waits_for_the_clean_up(session, tmp_path):
    log = tmp_path / "log"
    result = session(a_test(f"left(**appending({str(log)!r}, 'gone'))"))
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["resnb: waiting up to 60 s *"])
    result.stdout.no_fnmatch_line("*left behind*")
    assert log.read_text() == "gone\n"


@pytest.mark.long
def test_the_limit_can_stand_in_the_configuration(session, pytester):
    pytester.makeini("[pytest]\nresnb_wait = 0s\n")
    result = session(a_test(IN_WORK))
    assert result.ret == 1
    result.stdout.no_fnmatch_line("*waiting*")


@pytest.mark.parametrize("option", ["--resnb-wait=soon", "--resnb-wait=-1"])
def test_a_limit_that_is_none_is_refused(session, option):
    result = session(a_test("pass"), option)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*resnb_wait=* is no duration*"])


@pytest.mark.long
def test_what_is_kept_is_told_and_fails_nothing(session):
    result = session(a_test("left(state='kept', keep_until=time.time() + 600)"))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["resnb: flow/abcdef is kept for a while, as it was asked for"])


def test_failed_tests_stay_failed(session):
    result = session(a_test(f"{GIVEN_UP}; assert False"))
    assert result.ret == 1
    result.stdout.no_fnmatch_line("*waiting*")
    result.stdout.fnmatch_lines(["*resources left behind*"])


def test_after_ctrl_c_nobody_waits(session):
    result = session(a_test(f"{IN_WORK}; raise KeyboardInterrupt"))
    assert result.ret == 2
    result.stdout.no_fnmatch_line("*waiting*")
    result.stdout.fnmatch_lines(["*resources left behind*"])


@pytest.mark.long
def test_a_ledger_that_cannot_be_used_is_one_line(session, home):
    result = session(a_test("left(); os.chmod(os.environ['RESNB_HOME'], 0o777)"))
    assert result.ret == 1
    result.stdout.fnmatch_lines(["resnb: * can be written by others: run chmod go-w *"])
    result.stdout.no_fnmatch_line("*Traceback*")
    home.chmod(0o700)


@pytest.mark.long
def test_reports_without_times_as_before_pytest_7_3(session, pytester):
    pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport():
            outcome = yield
            del outcome.get_result().start, outcome.get_result().stop
        """
    )
    result = session(a_test(GIVEN_UP))
    assert result.ret == 1
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["flow/abcdef, opened by /nb/a.ipynb during test_*.py::test_it,*"])


def test_workers_of_xdist_belong_to_the_session(session):
    result = session(
        "\nimport pytest\n"
        "@pytest.mark.parametrize('n', range(4))\n"
        "def test_it(n):\n"
        "    left(f'lease{n}', state='failed', handle=None, reason='stuck')\n",
        "-p",
        "xdist",
        "-n2",
    )
    assert result.ret == 1
    result.assert_outcomes(passed=4)
    for number in range(4):
        result.stdout.fnmatch_lines([f"flow/lease{number}, opened by * during *test_it?{number}?*"])


@pytest.mark.long
def test_a_session_within_a_session_has_its_own_id(session):
    result = session(
        """
        import subprocess
        pytest_plugins = ["pytester"]
        def test_it(pytester):
            mine = os.environ["RESNB_SESSION"]
            pytester.makepyfile("import os\\ndef test_it(): print(os.environ['RESNB_SESSION'])")
            result = pytester.runpytest("-s", "-p", "resnb.pytest_plugin")
            result.stdout.no_fnmatch_line(f"*{mine}*")
            assert result.ret == 0
            assert os.environ["RESNB_SESSION"] == mine
        """.replace("\n        ", "\n"),
        "-p",
        "pytester",
    )
    assert result.ret == 0, result.stdout.str()


DEFINITIONS = """
%load_ext resnb
from pathlib import Path
from resnb import resource_manager, task

@resource_manager
class Folder:
    def setup(self):
        Path("folder").mkdir()
        return str(Path("folder").absolute())

    def cleanup(self, folder):
        {cleanup}

@task
def use(folder):
    return folder
"""
OPENED = "%%flow etl --with Folder as f --run --quiet\nx = use(f)"


@pytest.fixture
def nbval(pytester, home, monkeypatch):
    """Runs a notebook that ends with an open lease; nbval ends its kernel by kill -9."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(cleanup, *options):
        sources = [DEFINITIONS.format(cleanup=cleanup), OPENED]
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        kernel = {"name": "python3", "display_name": "", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, pytester.path / "leaky.ipynb")
        plugins = ["-p", "resnb.pytest_plugin", "-p", "nbval.plugin", "-p", "no:cacheprovider"]
        return pytester.runpytest_subprocess(*plugins, "--nbval-lax", "leaky.ipynb", *options)

    return run


def test_what_a_notebook_left_open_is_gone_when_its_session_ends(nbval, pytester, home):
    result = nbval("Path(folder).rmdir()")
    assert result.ret == 0, result.stdout.str()
    result.assert_outcomes(passed=2)
    assert not (pytester.path / "folder").exists()
    (closed,) = LedgerCommands(home).leases(closed=True)
    assert (closed.name, closed.state) == ("etl/f", "closed")


ONCE_IT_HAS_FAILED = """
import pytest
from resnb.ledger.admin.commands import LedgerCommands
from tests.ledger.things import until

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish():
    until(lambda: [one for one in LedgerCommands().leases() if one.state == "failed"])
"""


def test_a_clean_up_that_fails_after_a_notebook_names_notebook_and_cell(nbval, pytester):
    pytester.makeconftest(ONCE_IT_HAS_FAILED)
    result = nbval("raise OSError('stuck')", "--resnb-wait=0s")
    assert result.ret == 1
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["etl/f, opened by ~ during leaky.ipynb::Cell 1, *: OSError: stuck"]
    )


# ---- which item it was


def test_items_are_found_by_the_time():
    items = ItemTimes()
    assert items.at(1.0) == "before the first test"
    for begin, end, item in [(1, 2, "a"), (2, 3, "a"), (5, 6, "b"), (5, 7, "c")]:
        items.add(begin, end, item)
    assert items.at(0.5) == "before the first test"
    assert items.at(2.0) == "during a"
    assert items.at(4.0) == "after a"
    assert items.at(5.5) == "during b, c"
    assert items.at(9.0) == "after c"


def test_not_all_of_many_items_are_named():
    items = ItemTimes()
    for item in "abcde":
        items.add(1.0, 2.0, item)
    assert items.at(1.5) == "during a, b, c and 2 more"


IMPORTED = f"""
import json, sys, pytest
sys.path.insert(0, {str(ROOT)!r})
before = set(sys.modules)
import resnb.pytest_plugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_to_load_the_plugin_costs_pytest_next_to_nothing():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, check=True, text=True
    )
    assert set(json.loads(done.stdout)) == {"resnb", "resnb.pytest_plugin"}


def test_pytest_finds_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"resnb": "resnb.pytest_plugin"}
