"""Kinds: found by name, and their data checked, whoever has written it."""

import re
import sys

import pytest

from resnb.errors import LedgerError
from resnb.ledger.recipes import kinds
from resnb.ledger.recipes.kinds import LARGEST, Kind

PLUGIN = """
import re
from resnb.ledger.recipes.kinds import Kind

class Box:
    kind = "box"
    def __init__(self, image, ports=()):
        self.image, self.ports = image, list(ports)
    def cleanup(self, box):
        pass

KIND = Kind("box", Box, {"image": str, "ports?": [int]}, {"id": re.compile("[0-9a-f]{12}")})
OTHER = Kind("other", Box, {}, None)
"""
ENTRY_POINTS = """
[resnb.resources]
box = kinds_of_tests:KIND
wrong-name = kinds_of_tests:OTHER
nothing = kinds_of_tests:Box
broken = kinds_of_tests:NO_SUCH
"""
BOX = Kind(
    "box",
    dict,
    {"image": str, "ports?": [int]},
    {"id": re.compile("[0-9a-f]{4}"), "n": (int, None)},
)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    (tmp_path / "kinds_of_tests.py").write_text(PLUGIN)
    info = tmp_path / "kinds_of_tests-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kinds_of_tests\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("kinds_of_tests", None)


def test_a_kind_is_found_by_its_name(plugin):
    kind = kinds.find("box")
    manager = kind.make(image="tiny", ports=[80])
    assert kinds.kind_of(manager) is kind
    data = kinds.arguments_of(kind, manager)
    assert kind.read(data, None) == ({"image": "tiny", "ports": [80]}, None)
    assert kinds.kind_of(object()) is None


def test_what_is_no_kind_has_one_line(plugin):
    assert kinds.find("unheard-of") is None
    for name, line in {
        "wrong-name": "is not a kind of that name",
        "nothing": "is not a kind of that name",
        "broken": "cannot be loaded: AttributeError",
    }.items():
        with pytest.raises(LedgerError, match=line):
            kinds.find(name)
    with pytest.raises(LedgerError, match="'unheard-of' is not registered"):
        kinds.kind_of(type("Manager", (), {"kind": "unheard-of"})())


def test_data_come_back_as_they_were():
    recipe = BOX.recipe({"image": "é", "ports": [1, 2]})
    handle = BOX.handle_data({"id": "00ff", "n": None})
    assert BOX.read(recipe, handle) == ({"image": "é", "ports": [1, 2]}, {"id": "00ff", "n": None})


@pytest.mark.parametrize(
    ("recipe", "fault"),
    [
        (b"", "no JSON"),
        (b"\x80\x05N.", "no JSON"),
        (b"[" * 60_000, "no JSON"),
        (b'{"image": NaN}', "no JSON"),
        (b"[]", "arguments is no object"),
        (b"{}", "has no 'image'"),
        (b'{"image": 1}', "image is no str"),
        (b'{"image": "x", "ports": 1}', "ports is no list"),
        (b'{"image": "x", "ports": [1, true]}', r"ports\[1\] is no int"),
        (b'{"image": "x", "command": "rm"}', "has 'command', which is unknown"),
        (b'{"image": "' + b"x" * LARGEST + b'"}', "more than 65,536"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(recipe, fault):
    with pytest.raises(LedgerError, match=fault):
        BOX.read(recipe, None)


@pytest.mark.parametrize(
    ("handle", "fault"),
    [
        (b'{"id": "00ff; rm", "n": 1}', "id does not match"),
        (b'{"id": "00ff\\n", "n": 1}', "id does not match"),
        (b'{"id": 5, "n": 1}', "id does not match"),
        (b'{"id": "00ff", "n": "1"}', "n is no int"),
        (b"null", "handle is no object"),
    ],
)
def test_handles_that_do_not_fit_are_refused(handle, fault):
    with pytest.raises(LedgerError, match=fault):
        BOX.read(BOX.recipe({"image": "x"}), handle)


@pytest.mark.parametrize("value", ["1e999", "true", '"1"'])
def test_a_number_is_one(value):
    kind = Kind("k", dict, {"x": float}, None)
    assert kind.read(b'{"x": 1}', b"null") == ({"x": 1}, None)
    with pytest.raises(LedgerError, match="x is no float"):
        kind.read(f'{{"x": {value}}}'.encode(), None)


def test_what_is_no_data_is_refused_before_it_is_kept():
    with pytest.raises(LedgerError, match="cannot be written as JSON"):
        BOX.recipe({"image": object()})
    with pytest.raises(LedgerError, match="handle cannot be trusted"):
        BOX.handle_data({"id": "zz", "n": 1})
