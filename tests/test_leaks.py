"""The fixtures that look for leaks find them, name them, and leave tidy tests alone."""

from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
HEAD = """
import os, subprocess, sys, threading
import pytest

FOREVER = [sys.executable, "-c", "import sys; sys.stdin.read()"]  # ends with its parent

@pytest.fixture(scope="session")
def leak_grace():
    return {grace}
"""

A_THREAD = """
def test_it():
    threading.Thread(target=threading.Event().wait, name="forgotten", daemon=True).start()
"""
A_PROCESS = """
children = []

def test_it():
    children.append(subprocess.Popen(FOREVER, stdin=subprocess.PIPE))
"""
A_FILE = """
files = []

def test_it(tmp_path):
    files.append(open(tmp_path / "forgotten.txt", "w"))
"""
LEAKS = {
    "thread": (A_THREAD, "*left behind: thread forgotten"),
    "process": (A_PROCESS, "*left behind: process *sys.stdin.read()*"),
    "file": (A_FILE, "*left behind: open file *forgotten.txt"),
}

ENDS_SOON = """
def test_it():
    threading.Thread(target=threading.Event().wait, args=(0.02,)).start()
    subprocess.Popen([sys.executable, "-c", ""]).wait()
"""
KEPT_FOR_THE_KERNEL = """
def test_it():
    threading.Thread(
        target=threading.Event().wait, name="resnb-loop", daemon=True
    ).start()
"""
READ_BY_A_KEPT_THREAD = """
def reading(path, begun):
    with open(path, "w"):
        begun.set()
        threading.Event().wait(0.03)

def test_it(tmp_path):
    begun = threading.Event()
    threading.Thread(
        target=reading, args=(tmp_path / "read", begun), name="resnb-view", daemon=True
    ).start()
    begun.wait()
"""
OWNED_BY_A_WIDER_FIXTURE = """
@pytest.fixture(scope="module")
def child():
    with subprocess.Popen(FOREVER, stdin=subprocess.PIPE) as child:
        yield child

def test_it(child):
    assert child.poll() is None
"""
TIDY = {
    "ends within the grace": ENDS_SOON,
    "kept for the kernel": KEPT_FOR_THE_KERNEL,
    "read by a thread that is kept": READ_BY_A_KEPT_THREAD,
    "owned by a wider fixture": OWNED_BY_A_WIDER_FIXTURE,
}

AN_ORPHAN = """
detach = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"
read, write = os.pipe()

def test_it():
    subprocess.run([sys.executable, "-c", detach, *FOREVER], stdin=read, check=True)
"""


@pytest.fixture(autouse=True)
def no_plugins_but_ours(monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def outcome_of(pytester, test, grace=0.1):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(HEAD.format(grace=grace) + test)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider")


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_fails_the_test_and_is_named(pytester, kind):
    test, message = LEAKS[kind]
    result = outcome_of(pytester, test)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([message])


@pytest.mark.parametrize("kind", TIDY)
def test_a_tidy_test_passes(pytester, kind):
    outcome_of(pytester, TIDY[kind], grace=60.0).assert_outcomes(passed=1)


def test_a_detached_process_is_found_when_the_session_ends(pytester):
    result = outcome_of(pytester, AN_ORPHAN)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*processes of this session are still there: *sys.stdin.read()*"])
