"""What a view shows beside the graph: details, search, folded flows, and whatever users wrote."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE

HOSTILE = r"""
names = [
    "<img src=x onerror=alert(1)>", '"]; evil', "x" * 10_000, "\N{ROCKET} start \N{PARTY POPPER}",
    "\u202egnp.exe", "two\nlines", "\u05e9\u05dc\u05d5\u05dd", "</script><b>bold</b>",
]
def shout(x):
    print("<img src=x onerror=alert(2)>")
    raise ValueError("<img src=x onerror=alert(3)>")
with Flow("<img src=x onerror=alert(4)>") as flow:
    with Machine() as machine:
        for name in names:
            task(lambda: 1, name=name)()
    task(shout, name="<b>shout</b>")(Parameter("x", default="<i onclick=alert(5)>x</i>"))
flow
"""
MANY = """
with Flow("many") as many:
    for part in range(3):
        with Machine(part):
            last = [task(lambda: part, name=f"part-{part}")() for _ in range(60)]
many
"""
SMALL = """
%%flow details --with Machine(2) as machine
def load():
    print("hello from the task")
    return {"rows": 3}
def look(x):
    return x["rows"]
rows = task(look)(task(load)())
"""
ON_DASK = """
from distributed import LocalCluster
from resnb.dask import connecting
connecting.find_spec = str  # where there is no Bokeh, the page asks for it

@resource_manager
class Cluster:
    dies_with_kernel = True
    def setup(self):
        return LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0")
    def cleanup(self, cluster):
        cluster.close()

def waits():
    while True:
        Event().wait(0.01)

with Flow("on-dask") as on_dask:
    with Cluster().as_executor():
        task(waits)()
on_dask
"""
IN_KERNEL = """
%%flow here --run
here = task(lambda: 1, name="one")()
"""


def test_what_users_wrote_is_text_and_nothing_else(notebook):
    alerts = []
    notebook.page.on("dialog", lambda dialog: (alerts.append(dialog.type), dialog.accept()))
    notebook.open(PRELUDE, HOSTILE)
    notebook.run(0, 1)
    view = notebook.view(1)
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("failed")
    view.locator(".node.is-failed").click()
    expect(view.locator(".inspector")).to_contain_text("<img src=x onerror=alert(3)>")
    expect(view.locator(".inspector")).to_contain_text("<img src=x onerror=alert(2)>")
    assert view.locator("img, b, i:not(.track i), script").count() == 0
    longest = max(len(one.text_content()) for one in view.locator(".node .name").all())
    assert longest < 60
    assert "alert" not in alerts
    notebook.picture("hostile", view)


@pytest.mark.long
def test_a_closer_look_shows_what_became_of_a_task_and_a_resource(notebook):
    notebook.open(PRELUDE, SMALL)
    notebook.run(0, 1)
    view, inspector = notebook.view(1), notebook.view(1).locator(".inspector")
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("success")
    view.get_by_role("button", name="load, task, success").focus()
    notebook.page.keyboard.press("Enter")
    expect(inspector).to_contain_text("hello from the task")
    expect(inspector).to_contain_text("{'rows': 3}")
    notebook.picture("node-details", view)
    notebook.page.keyboard.press("ArrowDown")
    notebook.page.keyboard.press("Enter")
    expect(inspector.locator("h4")).to_have_text("look")
    view.locator(".cluster .body").click(position={"x": 4, "y": 30})
    expect(inspector).to_contain_text("protected")
    notebook.picture("cluster-details", view)
    view.get_by_placeholder("Find a task").fill("loo")
    expect(view.get_by_text("1 found")).to_be_visible()
    expect(view.locator("[data-hit]")).to_have_count(1)
    expect(view.locator(".kind-setup")).to_have_count(0)
    chip = view.get_by_role("button", name="init success, set-up success")
    chip.click()
    expect(view.locator(".kind-setup.is-success")).to_have_count(1)
    notebook.picture("set-up-unfolded", view)
    chip.press("Enter")
    expect(view.locator(".kind-setup")).to_have_count(0)


def test_keys_close_what_they_have_opened_and_the_focus_goes_back(notebook):
    notebook.open(PRELUDE, SMALL.replace("machine\n", "machine --run\n", 1))
    notebook.run(0, 1)
    view, keyboard = notebook.view(1), notebook.page.keyboard
    drawer, task = view.locator(".drawer"), view.get_by_label("load, task")
    task.focus()
    keyboard.press("Enter")
    expect(drawer).to_be_visible()
    keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(task).to_be_focused()
    keyboard.press("Enter")
    view.get_by_role("button", name="close details").press("Enter")
    expect(drawer).to_be_hidden()
    expect(task).to_be_focused()
    window = view.get_by_role("button", name="Whole window")
    window.press("Enter")
    expect(notebook.page.locator(".resnb-window")).to_be_visible()
    window = notebook.page.locator(".resnb-window").get_by_role("button", name="Whole window")
    expect(window).to_be_focused()
    keyboard.press("Escape")
    expect(notebook.page.locator(".resnb-window")).to_have_count(0)
    expect(view.get_by_role("button", name="Whole window")).to_be_focused()
    menu = view.get_by_role("menu")
    view.get_by_role("button", name="Clean up", exact=True).press("Enter")
    expect(menu.get_by_role("menuitem", name="Close scopes")).to_be_focused()
    keyboard.press("Tab")
    expect(menu).to_be_hidden()
    assert not notebook.complaints


@pytest.mark.long
def test_a_large_flow_is_folded_and_can_be_unfolded(notebook):
    notebook.open(PRELUDE, MANY)
    notebook.run(0, 1)
    view = notebook.view(1)
    expect(view.locator(".node")).to_have_count(3)
    notebook.picture("folded", view)
    view.get_by_role("button", name="Unfold").click()
    expect(view.locator(".node")).to_have_count(180)
    notebook.picture("unfolded", view)
    view.get_by_role("button", name="Fold", exact=True).click()
    expect(view.locator(".node")).to_have_count(3)


@pytest.mark.long
def test_the_dashboard_of_the_cluster_that_a_flow_runs_on_is_one_click_away(notebook):
    notebook.open(PRELUDE, ON_DASK, IN_KERNEL)
    notebook.run(0, 1, 2)
    view = notebook.view(1)
    link = view.get_by_role("link", name="Dask dashboard")
    expect(view.locator(".node").first).to_be_visible()
    expect(link).to_be_hidden()
    view.get_by_role("button", name="Run", exact=True).click()
    expect(link).to_be_visible(timeout=40_000)  # a cluster of processes begins
    assert link.get_attribute("target") == "_blank"
    assert "noopener" in link.get_attribute("rel")
    notebook.picture("dashboard-link", view)
    with notebook.page.expect_popup() as opened:
        link.click()
    page = opened.value
    page.wait_for_load_state()
    assert page.url == link.get_attribute("href")
    assert page.url.endswith("/status")
    assert page.evaluate("window.opener") is None
    expect(page.locator("body")).to_contain_text("bokeh", ignore_case=True)
    page.close()
    view.get_by_role("button", name="Cancel").click()
    expect(view.locator(".flow-state")).to_contain_text("cancelled")
    expect(link).to_be_hidden()  # it went with the cluster
    other = notebook.view(2)
    expect(other.locator(".flow-state")).to_contain_text("success")
    expect(other.get_by_role("link", name="Dask dashboard")).to_be_hidden()
