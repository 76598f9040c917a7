"""Recipes and handles: what is pickled, what is to blame if it is not, and what it gives away."""

import pickle
import subprocess
import sys
import threading
import tracemalloc

import pytest

from resnb import resource
from resnb.errors import LedgerError
from resnb.ledger.recipes.pickling import size_of
from resnb.ledger.recipes.recipe import can_find, handle_of, lives_in_kernel, notice_of, recipe_of

BIG = bytearray(50_000_000)
PASSWORD = "hush"
LOCK = threading.Lock()


class Manager:
    """A manager of a module: its class goes by reference."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def cleanup(self, resource): ...


def of_notebook(**names):
    """A manager whose class is one of a notebook, with a helper, and these names around it."""
    source = """
def helper():
    return big, lock
def other():
    return api_token
class Machine:
    def __init__(self, **attributes): self.__dict__.update(attributes)
    def cleanup(self, resource): return [helper() for _ in range(2)]
    def find(self, lease_id): return other()
"""
    namespace = {"__name__": "__main__", "big": 1, "lock": 1, "api_token": None, **names}
    exec(source, namespace)
    return namespace["Machine"]


def test_the_lease_is_no_part_of_a_recipe():
    manager = Manager(size=3)
    manager.lease = LOCK
    again = pickle.loads(recipe_of("m", manager).data)
    assert vars(again) == {"size": 3}
    assert manager.lease is LOCK


def test_an_attribute_that_does_not_pickle_is_left_out_and_named():
    manager = Manager(size=3, guard=LOCK, path="x")
    found = recipe_of("m", manager)
    assert (
        found.fault
        == "attribute 'guard' (lock) does not pickle: TypeError: cannot pickle '_thread.lock' object"
    )
    assert vars(pickle.loads(found.data)) == {"size": 3, "path": "x"}


def test_a_name_that_does_not_pickle_is_named():
    found = recipe_of("m", of_notebook(lock=LOCK)())
    assert found.data is None
    assert found.fault.startswith("name 'lock' (lock) does not pickle: TypeError")


def test_an_address_is_no_part_of_a_reason():
    fault = recipe_of("m", Manager(one=sys.stdout)).fault
    assert fault.startswith("attribute 'one' (")
    assert "0x" not in recipe_of("m", Manager(one=(n for n in ()))).fault


class WithRecipe(Manager):
    def __resnb_recipe__(self):
        if self.fault:
            raise LedgerError(self.fault)
        return Manager(of=self.size)


def test_a_manager_may_say_what_its_recipe_is():
    assert vars(pickle.loads(recipe_of("m", WithRecipe(size=3, fault="")).data)) == {"of": 3}
    assert recipe_of("m", WithRecipe(fault="there is none")) == (None, "there is none", False)


# ---- size


def test_what_is_too_large_is_refused_and_named_without_much_ado():
    tracemalloc.start()
    try:
        with pytest.raises(LedgerError) as caught:
            recipe_of("machine", of_notebook(big=BIG)(small=1))
        assert tracemalloc.get_traced_memory()[1] < len(BIG) / 2  # no copy of it was made
    finally:
        tracemalloc.stop()
    assert str(caught.value) == (
        "the recipe of resource 'machine' has more than 1,000,000 bytes; the largest part is name "
        f"'big' with {size_of(BIG):,} bytes: let cleanup use a small value instead. Nothing was "
        "created"
    )


def test_what_set_up_made_too_large_is_left_out():
    found = recipe_of("machine", Manager(size=3, table=BIG), is_open=True)
    assert (
        found.fault
        == f"attribute 'table' (bytearray) has {size_of(BIG):,} bytes, more than 1,000,000"
    )
    assert vars(pickle.loads(found.data)) == {"size": 3}


def test_a_cell_that_takes_too_much_along_is_refused():
    namespace = {"__name__": "__main__", "big": BIG}
    code = "def machine():\n    yield 1\n    print(len(big))\n"
    manager = manager_of(code, namespace)
    with pytest.raises(LedgerError, match=r"the largest part is name 'big' with 50,000,\d+ bytes"):
        recipe_of("machine", manager)


def test_a_handle_that_is_too_large_is_named():
    found = handle_of(
        manager_of(
            "def machine():\n    table = big\n    yield 1\n    print(table)\n", {"big": BIG}
        ),
        1,
    )
    assert found.data is None
    assert found.fault.startswith("variable 'table' (bytearray) has 50,000,")
    assert (
        handle_of(Manager(), b"x" * 70_000).fault
        == "a bytes of 70,009 bytes is no handle: define handle()"
    )


def test_variables_that_are_too_large_together_name_the_largest():
    code = "def machine():\n    one, other = bytes(600_000), bytes(700_000)\n    yield 1\n    one + other\n"
    fault = handle_of(manager_of(code, {}), 1).fault
    assert fault.startswith("its variables have 1,300,")
    assert fault.endswith(" bytes, more than 1,000,000, most of them variable 'other'")


def test_all_attributes_that_are_left_out_are_named():
    found = recipe_of("m", Manager(one=LOCK, other=sys.stdout, third=1))
    assert found.fault.count("does not pickle") == 2
    assert vars(pickle.loads(found.data)) == {"third": 1}


def manager_of(source, namespace, *args):
    """A generator function of a notebook, set up."""
    import linecache

    filename = f"<cell {len(linecache.cache)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), {"__name__": "__main__", **namespace}, found := {})
    (function,) = found.values()
    function.__globals__["__name__"] = function.__module__ = "__main__"
    manager = resource(function).resource_class(*args)
    manager.setup()
    return manager


# ---- handles


def test_a_variable_that_does_not_pickle_is_named():
    manager = manager_of(
        "def machine():\n    guard = lock\n    count = 1\n    yield 1\n    print(guard, count)\n",
        {"lock": LOCK},
    )
    found = handle_of(manager, 1)
    assert found.data is None
    assert found.fault.startswith("variable 'guard' (lock) does not pickle: TypeError")


def test_what_is_yielded_need_not_pickle_where_the_cleanup_does_without():
    manager = manager_of(
        "def machine():\n    guard, n = lock, 1\n    yield guard\n    print(n)\n", {"lock": LOCK}
    )
    found = handle_of(manager, LOCK)
    assert found.fault == ""
    assert pickle.loads(found.data).variables == {"n": 1}


def test_a_resource_that_nobody_can_find_says_what_to_do():
    found = handle_of(Manager(), LOCK)
    assert found == (
        None,
        "a lock cannot be found by another process: define handle() and attach()",
        False,
    )


class Handled(Manager):
    def handle(self, resource):
        return self.does(resource)


async def no_handle(resource): ...


def test_a_handle_that_fails_is_a_reason():
    assert (
        handle_of(Handled(does=lambda one: one / 0), 1).fault
        == "handle() raised ZeroDivisionError: division by zero"
    )
    assert (
        handle_of(Handled(does=no_handle), 1).fault == "handle() is async: make it a plain function"
    )
    assert handle_of(Handled(does=lambda one: LOCK), 1).fault.startswith(
        "what handle() returned (lock) does not"
    )


def test_a_process_is_known_by_its_start_too():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        found = pickle.loads(handle_of(Manager(), process).data)
        assert (found.pid, found.poll(), found.is_alive()) == (process.pid, None, True)
        with pytest.raises(subprocess.TimeoutExpired):
            found.wait(0)
        found.join(0)
        found.kill()
        assert found.wait(60) == 0
        process.communicate()
    found.terminate()
    assert found.returncode == 0


# ---- what is missing, what can be found


def test_a_name_that_is_not_there_yet_is_a_reason():
    manager = manager_of("def machine():\n    yield 1\n    stop()\n", {})
    assert recipe_of("m", manager).fault == "its clean-up uses stop, which is not defined (yet)"


def test_who_can_find():
    assert can_find(of_notebook()())
    assert not can_find(Manager())
    assert not can_find(Manager(find=None))


# ---- secrets


def test_names_that_look_like_secrets_are_noticed(monkeypatch):
    monkeypatch.setenv("MY_ACCESS_KEY", "x")
    manager = of_notebook(api_token="x")(password="x", user="me", tokenizer=1, dbPassword="x")
    monkeypatch.setenv("MY_CREDENTIALS_FILE", "/home/me/credentials")
    manager.env = ("MY_ACCESS_KEY", "OTHER_SECRET", "HOME", "MY_CREDENTIALS_FILE")
    assert notice_of(manager) == (
        "the ledger keeps what looks like secrets until this is cleaned up: attribute 'password', "
        "attribute 'dbPassword', name 'api_token', variable 'MY_ACCESS_KEY'"
    )


def test_no_secrets_no_notice():
    assert notice_of(of_notebook()(password="")) == ""
    assert notice_of(WithRecipe(fault="none", password="x")) == ""


def test_a_cell_gives_its_secrets_away():
    code = "def machine(token, other):\n    yield 1\n    print(password, token)\n"
    manager = manager_of(code, {"password": "x"}, "x", "x")
    assert notice_of(manager).endswith(": argument 'token', name 'password'")


# ---- what dies with the kernel


class Kernel(Manager):
    dies_with_kernel = True


def test_what_dies_with_the_kernel_is_declared():
    assert lives_in_kernel(Kernel(), LOCK)
    assert not lives_in_kernel(Manager(), LOCK)
