"""The timeline below the graph: what ran when, and when resources were open."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE

FLOW = """
def nap(seconds):
    def napping(*_):
        never.wait(seconds)
        return seconds
    return napping
def refuse(*_):
    never.wait(0.2)
    raise ValueError("no")
with Flow("etl") as flow:
    source = task(nap(0.3), name="load")()
    with Machine() as outer:
        clean = task(nap(0.4), name="clean")(source, outer)
        with Machine() as inner:
            task(nap(0.5), name="fit")(clean, inner)
            task(refuse, name="score")(clean)
        task(nap(0), name="square").map(list(range(300)), unmapped(clean))
flow
"""
SLOW = """
def wait(_):
    while not never.wait(0.05):
        pass
with Flow("slow") as slow:
    with Machine() as machine:
        task(wait, name="waits")(machine)
slow
"""
LEFT_OPEN = """
%%flow cells --with Machine() as machine --run
def look(x):
    return x
seen = task(look)(machine)
"""
INK = "(one) => getComputedStyle(one).fill"
DARK = "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"


def panel(view):
    view.get_by_role("button", name="Timeline").click()
    return view.locator(".timeline")


def test_a_run_is_seen_in_time(notebook):
    notebook.open(PRELUDE, FLOW)
    notebook.run(0, 1)
    view = notebook.view(1)
    timeline = panel(view)
    expect(timeline).to_contain_text("No run to show yet")
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("failed")
    bar = timeline.get_by_role("button", name="fit, success")
    expect(bar).to_be_visible()
    expect(timeline.get_by_role("button", name="score, failed")).to_be_visible()
    expect(timeline.get_by_role("button", name="Machine-2, closed")).to_contain_text("idle")
    expect(timeline.locator(".shade")).to_have_count(2)
    expect(timeline.locator(".task-bar.step")).to_have_count(4)
    expect(timeline).to_contain_text("worker 1")
    expect(timeline).to_contain_text("drawn as one")
    expect(timeline.locator(".key")).to_contain_text("open before or after this run")
    expect(timeline.locator(".key .zone").first).to_have_class("zone is-closed")  # as its bands
    notebook.picture("timeline-light", view)
    bar.click()
    expect(view.locator(".inspector h4")).to_have_text("fit")
    expect(bar).to_have_attribute("aria-pressed", "true")
    notebook.page.keyboard.press("ArrowLeft")
    notebook.page.keyboard.press("Enter")
    expect(view.locator(".inspector h4")).not_to_have_text("fit")
    notebook.page.evaluate(DARK)
    expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    names, words = (
        timeline.locator(f"g.cluster{which} > text").first.evaluate(INK)
        for which in (".lane", ":not(.lane)")
    )
    assert names == words
    notebook.picture("timeline-dark", view)
    notebook.page.set_viewport_size({"width": 760, "height": 1100})
    wide = "() => document.querySelector('.timeline svg').clientWidth < 700"
    notebook.page.wait_for_function(wide)
    notebook.picture("timeline-narrow", view)
    view.get_by_role("button", name="Timeline").click()
    expect(timeline).to_be_hidden()
    notebook.page.evaluate(DARK.replace("Dark", "Light"))


@pytest.mark.long
def test_it_grows_while_the_run_is_on_and_says_what_is_open(notebook):
    notebook.open(PRELUDE, SLOW)
    notebook.run(0, 1)
    view = notebook.view(1)
    timeline = panel(view)
    view.get_by_role("button", name="Run", exact=True).click()
    bar = timeline.get_by_role("button", name="waits, running")
    expect(bar).to_be_visible()
    first = bar.get_attribute("aria-label")
    expect(bar).not_to_have_attribute("aria-label", first)
    expect(timeline.get_by_role("button", name="Machine, open")).to_contain_text("still open")
    expect(view.locator(".run-progress .words")).to_contain_text(
        "4 s"
    )  # which frames do not set back
    notebook.picture("timeline-running", view)
    view.get_by_role("button", name="Cancel").click()
    expect(timeline.get_by_role("button", name="waits, cancelled")).to_be_visible()
    expect(timeline.get_by_role("button", name="Machine, closed")).to_be_visible()


@pytest.mark.long
def test_what_a_cell_left_open_goes_on_until_it_is_closed(notebook):
    notebook.open(PRELUDE, LEFT_OPEN)
    notebook.run(0, 1)
    view = notebook.view(1)
    timeline = panel(view)
    band = timeline.get_by_role("button", name="machine, open")
    expect(band).to_contain_text("still open")
    notebook.picture("timeline-left-open", view)
    view.get_by_role("button", name="Clean up", exact=True).click()
    view.get_by_role("menuitem", name="Close scopes").click()
    expect(timeline.get_by_role("button", name="machine, closed")).to_contain_text("open ")
    band = timeline.get_by_role("button", name="machine, closed")
    band.click()
    expect(view.locator(".inspector h4")).to_have_text("machine")
