"""What a rebuilt resource means to a clean-up that stands alone."""

import pytest

from resnb.errors import CleanupError
from resnb.syntax.body import GeneratorSource, split_body
from resnb.syntax.meaning import variables_from

MEANT = [
    # the body, the value, what it means
    ("x = f()\nyield x\nx.stop()", 5, {"x": 5}),
    ("x = f()\nyield x\nx.stop()", {"y": 5}, {"x": {"y": 5}}),
    ("x = f()\nyield x\nx.stop()", {"x": 5}, {"x": 5}),
    ("x = f()\nyield x\nx.stop()", {}, {"x": {}}),
    ("x = f()\nyield x.y\nx.stop()", 5, {"x": 5}),
    ("yield (x := f())\nx.stop()", 5, {"x": 5}),
    ("x, y = f()\nyield x, y\nx.stop(y)", (1, 2), {"x": 1, "y": 2}),
    ("x, y = f()\nyield x, y\nx.stop()", [1, 2], {"x": 1}),
    ("x, y = f()\nyield x\nx.stop(y)", {"x": 1, "y": 2}, {"x": 1, "y": 2}),
    ("x = f()\nyield\nx.stop(n, lease.id)", 5, {"x": 5}),
    ("x = f()\nyield\nx.stop(n)", {"x": 1, "n": 2}, {"x": 1, "n": 2}),
    ("yield f()\nstop(n)", 5, {}),
    ("x = f()\nyield x\nstop()", 5, {}),
]


@pytest.mark.parametrize(("source", "value", "meaning"), MEANT)
def test_what_a_value_means(source, value, meaning):
    assert variables_from("box", body(source), value) == meaning


def body(source):
    return split_body(GeneratorSource(source, "<cell>", 2, ("n",)))


def test_what_is_known_otherwise_need_not_be_given():
    found = body("x, y = f()\nyield\nx.stop(y)")
    assert variables_from("box", found, 5, {"y": 2}) == {"x": 5, "y": 2}


MISSING = {
    "x, y = f()\nyield x\nx.stop(y)": "uses y, too: let find, attach and lease.record give {'x': x, 'y': y}",
    "x, y = f()\nyield\nx.stop(y)": "uses x, y, too",
    "x, y = f()\nyield x, y\nx.stop(y)": "it yields x, y: let find, attach and lease.record give as many",
}


@pytest.mark.parametrize("source", MISSING)
def test_what_is_missing_is_named(source):
    with pytest.raises(CleanupError) as caught:
        variables_from("box", body(source), 5)
    assert MISSING[source] in str(caught.value)
