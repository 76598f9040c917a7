"""Every public name has an example in its docstring, and does what it says."""

import doctest
import inspect
import os
import tempfile

import pytest

import resnb

GIVEN = {"os": os, "tempfile": tempfile, **{name: getattr(resnb, name) for name in resnb.__all__}}
"""What the examples need not import."""


@pytest.mark.parametrize("name", resnb.__all__)
@pytest.mark.usefixtures("ledger_home")
def test_each_public_name_has_an_example_that_holds(name):
    text = inspect.getdoc(getattr(resnb, name))
    example = doctest.DocTestParser().get_doctest(text, dict(GIVEN), name, None, None)
    assert example.examples, f"{name} has no example"
    told = []
    failed, _ = doctest.DocTestRunner().run(example, out=told.append)
    assert not failed, "".join(told)
