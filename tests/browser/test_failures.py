"""What failed is said first; from there one goes to the task, and runs again what is needed."""

from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE

FAILING = """
%%flow report(n=3) --with Machine(1) as store
def fetch(n, store):
    print("fetching", n)
    return list(range(n))
def check(x):
    if x > 1 and Path("closed.shut").exists():
        raise ConnectionError(f"403 for item {x}: the address does not answer")
    return x
rows = task(fetch)(n, store)
checked = task(check).map(rows)
total = task(sum, name="total")(checked)
"""


def test_from_the_failure_to_the_task_and_on(notebook):
    notebook.open(PRELUDE, FAILING)
    notebook.run(0, 1)
    notebook.shut("closed")
    view = notebook.view(1)
    failures = view.locator(".failures")
    expect(view.locator(".node")).to_have_count(4)
    expect(failures).to_be_hidden()
    view.get_by_role("button", name="Run", exact=True).click()
    expect(failures).to_contain_text("1 failed: check: ConnectionError: 403 for item 2")
    expect(view.locator(".run-progress .words")).to_contain_text("1 failed: check")
    expect(view.locator(".node.mapped .counts")).to_have_text("1 of 3 failed")
    failures.get_by_role("button", name="Go to the task").click()
    expect(view.locator(".inspector")).to_contain_text("403 for item 2")
    expect(view.locator(".inspector")).to_contain_text("1 of 3 failed")
    pressed = view.locator(".node[aria-pressed=true]")
    expect(pressed).to_have_count(1)
    strokes = [
        one.evaluate("one => getComputedStyle(one.querySelector('.body')).stroke")
        for one in (pressed, view.get_by_label("fetch, task, success"))
    ]
    assert strokes[0] != strokes[1], "a selection must not hide the colour of a failure"
    for width in (1400, 900):
        for theme in ("Light", "Dark"):
            notebook.page.set_viewport_size({"width": width, "height": 900})
            notebook.page.evaluate(
                f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})"
            )
            dark = "true" if theme == "Light" else "false"
            expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", dark)
            notebook.picture(f"failure-{theme.lower()}-{width}")
    notebook.page.evaluate(
        "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})"
    )
    notebook.let("closed")
    failures.get_by_role("button", name="Run again from here").click()
    expect(view.locator(".flow-state")).to_contain_text("success")
    expect(failures).to_be_hidden()
    expect(view.get_by_label("fetch, task, success")).to_be_visible()
    assert not notebook.complaints


def test_on_a_phone_a_failed_task_stays_in_sight_above_its_details(notebook):
    notebook.open(PRELUDE, FAILING)
    notebook.run(0, 1)
    notebook.shut("closed")
    view = notebook.view(1)
    notebook.page.set_viewport_size({"width": 480, "height": 900})
    view.get_by_role("button", name="Run", exact=True).click()
    view.locator(".failures").get_by_role("button", name="Go to the task").click()
    drawer = view.locator(".drawer")
    expect(drawer).to_be_visible()
    picked, below, graph = (
        one.bounding_box()
        for one in (view.locator(".node.is-failed .body"), drawer, view.locator(".graph"))
    )
    notebook.picture("failure-phone")
    assert below["width"] > 0.9 * graph["width"], "the details are below the graph"
    assert graph["y"] <= picked["y"]
    assert picked["y"] + picked["height"] <= below["y"]
    notebook.let("closed")
