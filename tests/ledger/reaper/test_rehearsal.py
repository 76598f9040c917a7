"""The walk of a rehearsal: what is missing of what a clean-up refers to, and what only seems to be."""

import sys
import textwrap
import types

import pytest

from resnb.ledger.reaper.rehearsal import faults_of

MISSING = {
    "a name": ("gone(resource)", "cleanup() uses 'gone', which is not defined"),
    "a name in a lambda": ("(lambda: gone)()", "cleanup() uses 'gone', which is not defined"),
    "a name in a comprehension": (
        "[gone(one) for one in ()]",
        "cleanup() uses 'gone', which is not defined",
    ),
    "a name behind a broad handler": (
        "try: gone()\nexcept Exception: pass",
        "cleanup() uses 'gone', which is not defined",
    ),
    "a name in a function that is called": (
        "helper()",
        "helper() uses 'gone', which is not defined",
    ),
    "a name in a method of its own": (
        "self.method()",
        "method() uses 'gone', which is not defined",
    ),
    "a name in a method of an object": ("tool.use()", "use() uses 'gone', which is not defined"),
    "a name in what a made object calls": (
        "Tool().use()",
        "use() uses 'gone', which is not defined",
    ),
    "a name in a partial": ("bound()", "helper() uses 'gone', which is not defined"),
    "a name behind a decorator": ("wrapped()", "helper() uses 'gone', which is not defined"),
    "a name in a default": (
        "def inner(one=gone): pass",
        "cleanup() uses 'gone', which is not defined",
    ),
    "a module": ("import gone", "cleanup() imports 'gone', which is not there"),
    "a module in a package": (
        "import xml.gone",
        "cleanup() imports 'xml.gone', which is not there",
    ),
    "a name of a module": (
        "from os import gone",
        "cleanup() imports 'gone' of 'os', which has no such name",
    ),
    "a relative module": ("from . import gone", "cleanup() imports '.', which is not there"),
    "an attribute of a module": (
        "os.gone()",
        "cleanup() uses 'gone' of module 'os', which has no such name",
    ),
    "an attribute of the resource": (
        "resource.gone()",
        "cleanup() uses 'gone' of a str, which has no such attribute",
    ),
    "an attribute of the manager": (
        "self.gone",
        "cleanup() uses 'gone' of a Thing, which has no such attribute",
    ),
    "an attribute in a chain": (
        "self.name.gone",
        "cleanup() uses 'gone' of a str, which has no such attribute",
    ),
    "an attribute of the lease": (
        "self.lease.gone",
        "cleanup() uses 'gone' of a Lease, which has no such attribute",
    ),
    "an attribute in a closure": (
        "[resource.gone for _ in self.name]",
        "cleanup() uses 'gone' of a str, which has no such attribute",
    ),
}
THERE = {
    "builtins and dunders": "print(len(resource), __name__, __builtins__)",
    "a name that it binds itself": "global made\nmade = 1\nprint(made)",
    "a name that a helper binds": "binds()\nprint(bound_there)",
    "a name in a handler for it": "try: gone\nexcept NameError: pass",
    "a module in a handler for it": "try: import gone\nexcept (ValueError, ImportError): pass",
    "a module in a second handler": "try: import gone\nexcept ValueError: pass\nexcept ModuleNotFoundError: pass",
    "a module in a nested handler": "try:\n  with open(resource): import gone\nexcept ImportError: pass",
    "a module that is suppressed": "from contextlib import suppress\nwith suppress(ImportError): import gone",
    "an attribute that it asks for": "if hasattr(self, 'gone'): self.gone.stop()",
    "an attribute in a handler for it": "try: os.gone\nexcept AttributeError: pass",
    "an attribute that it sets": "self.gone = 1\nprint(self.gone)",
    "a parameter that it binds again": "resource = open(resource)\nresource.read()",
    "a module that it imports": "import xml.dom.minidom\nxml.dom.minidom.parse",
    "a submodule of a module": "import os.path\nos.path.join",
    "a star": "exec('from os import *')",
    "what setup refers to": "self.name",
    "a class in it": "class Inner:\n  one = 1\n  two = one\nInner().two",
    "a method of a text": "self.name.upper().lower()",
    "an object with attributes of its own making": "anything.whatever.comes",
    "slots": "slotted.one",
    "a property": "self.prop.anything",
}
AROUND = """
import functools, os
class Lease:
    id = "the-lease"
class Tool:
    def use(self): gone
tool = Tool()
def helper(): gone
bound = functools.partial(helper)
def decorated(function):
    @functools.wraps(function)
    def inner(*args): return function(*args)
    return inner
wrapped = decorated(helper)
def binds():
    global bound_there
    bound_there = 1
class Anything:
    def __getattr__(self, name): return self
anything = Anything()
class Slotted:
    __slots__ = ("one",)
slotted = Slotted()
slotted.one = 1
class Thing:
    def __init__(self):
        self.name, self.lease = "thing", Lease()
    def setup(self): gone_but_not_needed
    def ready(self, resource): gone_but_not_needed
    @property
    def prop(self): return anything
    def method(self): gone
    def cleanup(self, resource):
"""


def thing(body):
    names = {"__name__": "__main__"}
    exec(AROUND + textwrap.indent(body, " " * 8), names)
    return names["Thing"]()


def plain(value):
    return value


@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing(what):
    body, fault = MISSING[what]
    assert faults_of(thing(body), "a handle", plain) == (fault, "")


@pytest.mark.parametrize("what", THERE)
def test_what_is_there_or_may_be_missing(what):
    assert faults_of(thing(THERE[what]), "a handle", plain) == ("", "")


def test_nothing_is_run_or_imported(tmp_path, monkeypatch):
    (tmp_path / "of_the_user.py").write_text("raise AssertionError")
    monkeypatch.syspath_prepend(tmp_path)
    one = thing("import of_the_user\nfrom of_the_user import anything\nraise AssertionError")
    fault = "cleanup() imports 'anything' of 'of_the_user', which has no such name"
    assert faults_of(one, "a handle", plain) == (fault, "")
    assert "of_the_user" not in sys.modules


def test_functions_of_modules_beside_the_notebook_are_followed(tmp_path, monkeypatch):
    module = types.ModuleType("beside")
    module.__file__ = str(tmp_path / "beside.py")
    exec("def remove(path): gone(path)", vars(module))
    monkeypatch.setitem(sys.modules, "beside", module)
    monkeypatch.setattr(module.remove, "__module__", "beside")
    one = thing("beside.remove(resource)")
    type(one).cleanup.__globals__["beside"] = module
    assert faults_of(one, "a handle", plain)[0] == "remove() uses 'gone', which is not defined"


class Finding:
    rehearse_attach = True

    def attach(self, handle):
        return [handle]

    def cleanup(self, resource):
        resource.append(1)

    def find(self, lease):
        return gone(lease)  # noqa: F821


def test_find_counts_by_itself_and_attach_is_called_where_it_has_no_effect():
    assert faults_of(Finding(), "handle", plain) == ("", "find() uses 'gone', which is not defined")


class Attaching(Finding):
    find = None

    def attach(self, handle):
        raise OSError("no such thing")


def test_an_attach_that_raises():
    assert faults_of(Attaching(), "handle", plain) == ("attach() raised OSError: no such thing", "")


class NotAttaching(Attaching):
    rehearse_attach = False

    def cleanup(self, resource):
        resource.whatever()


def test_an_attach_that_may_have_an_effect_is_not_called():
    assert faults_of(NotAttaching(), "handle", plain) == ("", "")


def test_a_recipe_without_cleanup():
    assert faults_of(object(), "handle", plain) == ("an object has no cleanup", "")


def test_code_that_never_ends_is_followed_once():
    names = {"__name__": "__main__"}
    exec("def one(): two()\ndef two(): one(); gone()", names)
    found = thing("one()")
    type(found).cleanup.__globals__.update(names)
    assert "two() uses 'gone'" in faults_of(found, "handle", plain)[0]
