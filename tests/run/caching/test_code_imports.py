"""Keys of code that imports modules of the user's itself, or gets at them by way of others."""

import importlib
import sys
import textwrap

import pytest

from resnb import Flow, task
from resnb.run.caching.value_keys import code_key, value_key
from tests.run.caching.noting import called, noted

WAYS = {
    "a function in a package's module": "import pack.sub\ndef f():\n    return pack.sub.number()",
    "an import": "def f():\n    import pack.sub\n    return pack.sub.number()",
    "an import by another name": "def f():\n    import pack.sub as s\n    return s.number()",
    "an import of a function": "def f():\n    from pack.sub import number\n    return number()",
    "an import of a module": "def f():\n    from pack import sub\n    return sub.number()",
    "in an inner function": (
        "def f():\n    from pack import sub\n    return [sub.number() for _ in range(2)]"
    ),
    "in a closure": (
        "def make():\n    from pack import sub\n    return lambda: sub.number()\nf = make()"
    ),
    "a function that imports": (
        "def g():\n    import pack.sub\n    return pack.sub.number()\ndef f():\n    return g()"
    ),
    "a relative import": "__package__ = 'pack'\ndef f():\n    from .sub import number\n    return 1",
}


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes the module `pack.sub` anew, as if this were a kernel that has not imported it yet."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # for it changes within a second
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").touch()

    def forget():
        for name in ("pack", "pack.sub"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()

    def write(text):
        forget()
        (tmp_path / "pack" / "sub.py").write_text(text)

    yield write
    forget()


def defined(text):
    found = {"__name__": "__main__"}
    exec(compile(textwrap.dedent(text), "<cell>", "exec"), found)
    return found["f"]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_in_the_module_counts(module, way):
    keys = []
    for number in (1, 1, 2):
        module(f"def number():\n    return {number}")
        code = defined(WAYS[way])
        before = code_key(task(code))
        code()
        keys.append(code_key(task(code)))
        assert before == keys[-1]  # it is the same in a kernel that has not called the code yet
    assert keys[0] == keys[1] != keys[2]


def test_what_is_not_used_of_the_module_makes_no_difference(module):
    keys = set()
    for number in (1, 2):
        module(f"other = {number}\ndef number():\n    return 1")
        keys.add(code_key(task(defined(WAYS["an import of a function"]))))
    assert len(keys) == 1


def test_a_module_that_cannot_be_imported_is_left_to_the_code(module):
    module("1 / 0")
    assert code_key(task(defined("def f():\n    import pack.sub, no_such_module")))
    module("raise SystemExit")
    assert code_key(task(defined("def f():\n    from pack.sub import number")))


def test_an_installed_module_is_not_imported_for_its_key():
    code = defined("def f():\n    import this, pip._internal.cli.main")
    value_key([1])  # imports what keys are made with
    loaded = set(sys.modules)
    assert code_key(task(code))
    assert sys.modules.keys() - loaded == set()


def test_a_value_is_not_found_after_a_change_in_an_imported_module(module):
    for expected in (1, 1, 2):
        module(f"def number():\n    return {expected}")

        def count():
            from pack.sub import number

            return number()

        with Flow("etl") as flow:
            total = task(noted("count", count), name="count", cache_for="1d")()
        flow.run()
        assert total.value == expected
    assert called() == ["count", "count"]
