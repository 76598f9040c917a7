"""The view of a ``@flow`` function: its graph grows while it runs, and its buttons work."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE

FUNCTION = """
from resnb import flow

@task
def load(n):
    gate("load")
    return list(range(n))

@task
def square(x):
    gate("square")
    return [x * x]

@task
def add(parts):
    return sum(part[0] for part in parts)

@flow
def unfolding(n=3):
    xs = load(n)
    with Machine(2) as machine:
        squares = [square.submit(x) for x in xs]
        total = add(squares)
    return total

unfolding
"""
LONG = """
@flow
def endless():
    with Machine(2) as machine:
        never.wait(100)

endless
"""


@pytest.mark.long
def test_the_graph_unfolds_while_the_function_runs(notebook):
    notebook.open(PRELUDE, FUNCTION, "unfolding(4)")
    notebook.run(0, 1)
    view = notebook.view(1)
    expect(view.locator(".node")).to_have_count(1)
    notebook.record()
    notebook.shut("load", "setup", "square")
    notebook.begin(2)
    expect(view.locator(".node")).to_have_count(2)
    notebook.let("load")
    expect(view.locator(".cluster.is-opening")).to_have_count(1)
    notebook.let("setup")
    expect(view.locator(".node.is-running")).to_have_count(4)
    notebook.picture("unfolding", view)
    notebook.let("square")
    notebook.wait_idle()
    expect(view.locator(".flow-state")).to_contain_text("success")
    expect(view.locator(".node")).to_have_count(7)
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    notebook.picture("unfolded", view)
    sizes = [len(words) for words in notebook.seen]
    assert len(set(sizes)) >= 4, "it grew step by step"
    expect(notebook.output(2)).to_contain_text("14")


@pytest.mark.long
def test_the_buttons_run_and_cancel_it(notebook):
    notebook.open(PRELUDE, FUNCTION, LONG, "endless()")
    notebook.run(0, 1)
    view = notebook.view(1)
    view.get_by_label("n", exact=True).fill("2")
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("success")
    expect(view.locator(".kind-parameter .name")).to_have_text("n = 2")
    notebook.run(2)
    notebook.begin(3)
    view = notebook.view(2)
    expect(view.locator(".cluster.is-open")).to_have_count(1)
    view.get_by_role("button", name="Cancel").click()
    expect(view.locator(".flow-state")).to_contain_text("cancelled")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    notebook.wait_idle()
    expect(notebook.output(3)).to_contain_text("flow 'endless' was cancelled")
