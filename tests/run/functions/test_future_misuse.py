"""A future that is used as if it were its value says what it is, and what to write instead."""

import copy

import pytest

from resnb import flow, task
from resnb.errors import HandleError, NoAttributeError


@task
def one(n=1):
    return n


def said_by(use, kind=HandleError):
    """What a flow function is told that does `use` with a future called `x`."""

    @flow
    def misuse():
        x = one.submit()
        with pytest.raises(kind) as caught:
            use(x)
        return str(caught.value)

    return misuse()


MISUSES = {
    "attribute": (lambda x: x.head(), "has no 'head': use x.result().head,"),
    "value": (lambda x: x.value, "has no 'value': use x.result().value,"),
    "bool": (bool, "is neither true nor false: use x.result(), or ask .done(), or `is None`"),
    "iteration": (list, "cannot be iterated over: use x.result(), or pass it to .map(...)"),
    "item": (lambda x: x["a"], "has no items: use x.result()['a'],"),
    "length": (len, "has no length yet: use len(x.result()),"),
    "contains": (lambda x: 1 in x, "nothing can be looked for in it: use `in x.result()`,"),
    "sum": (lambda x: x + 1, "`+` cannot take it: use x.result() + ...,"),
    "reflected": (lambda x: 1 - x, "`-` cannot take it: use ... - x.result(),"),
    "comparison": (lambda x: x > 1, "`>` cannot take it: use x.result() > ...,"),
    "negation": (lambda x: -x, "`-` cannot take it: use -x.result(),"),
    "abs": (abs, "is no number yet: use abs(x.result()),"),
    "int": (int, "is no number yet: use int(x.result()),"),
    "call": (lambda x: x(2), "cannot be called: use x.result()(...),"),
    "format": (lambda x: f"{x:.2f}", "cannot be put into a text: use f'{x.result():.2f}',"),
    "file": (open, "is no path yet: use x.result(),"),
}


@pytest.mark.parametrize(("use", "words"), MISUSES.values(), ids=MISUSES)
def test_a_future_is_not_its_value(use, words):
    text = said_by(use)
    assert text.startswith("x is the future of task 'one', not a value, and ")
    assert words in text


def test_libraries_that_look_for_protocols_get_an_attribute_error():
    assert "use" not in said_by(lambda x: x._repr_html_(), AttributeError)
    import numpy as np

    assert "mean cannot take it: use mean(x.result())" in said_by(np.mean)


def test_a_list_of_futures_says_so():
    @flow
    def misuse():
        xs = one.map([1, 2])
        with pytest.raises(NoAttributeError) as caught:
            xs.mean()
        return str(caught.value), hasattr(xs, "_private")

    text = "xs is a list of 2 futures, not a value, and has no 'mean': use xs.result(), which is"
    assert misuse() == (f"{text} the list of their values", False)


def test_a_future_still_is_what_a_future_is():
    @flow
    def use():
        x, y = one.submit(1), one.submit(2)
        shown = (repr(x), str(x), f"{x}")
        known = {x: "x", y: "y"}
        same = copy.copy(x)
        return shown, known[x], x == y, x in [y, x], same.result(), one(x) + y.result()

    text = "<future of task 'one': its value is .result()>"
    assert use() == ((text,) * 3, "x", False, True, 1, 3)
