"""Which names of definitions statements take for the resource itself."""

import ast

import pytest

from resnb.syntax.values import taken_as_values


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("u = use(Db)", {"Db"}),
        ("Db.query('x')", {"Db"}),
        ("Db + 1; Other", {"Db", "Other"}),
        ("def f():\n    return [Db]", {"Db"}),
        ("with Db as d: pass", {"Db"}),
        ("with Db() as d: pass", set()),
        ("with Db.options(ttl='1h')(Other()) as d: pass", set()),
        ("with Db.map(x) as d: pass\nh = Db.open()", set()),
        ("Db = 1", set()),
        ("d = Db(Db)", {"Db"}),
        ("x = db.Db + more", set()),
    ],
)
def test_what_is_called_or_given_options_is_a_definition(source, found):
    assert taken_as_values(ast.parse(source).body, ("Db", "Other")) == found
