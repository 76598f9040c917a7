"""What a view shows beside the graph: details, search, folded flows, and whatever users wrote."""

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
    view.locator(".cluster .body").click(position={"x": 4, "y": 60})
    expect(inspector).to_contain_text("protected")
    notebook.picture("cluster-details", view)
    view.get_by_placeholder("Find a task").fill("loo")
    expect(view.get_by_text("1 found")).to_be_visible()
    expect(view.locator("[data-hit]")).to_have_count(1)
    view.get_by_role("button", name="Set-up edges").click()
    expect(view.locator(".link-setup").first).to_be_hidden()


def test_a_large_flow_is_folded_and_can_be_unfolded(notebook):
    notebook.open(PRELUDE, MANY)
    notebook.run(0, 1)
    view = notebook.view(1)
    expect(view.locator(".node")).to_have_count(3)
    notebook.picture("folded", view)
    view.get_by_role("button", name="Unfold").click()
    expect(view.locator(".node")).to_have_count(189)
    notebook.picture("unfolded", view)
    view.get_by_role("button", name="Fold", exact=True).click()
    expect(view.locator(".node")).to_have_count(3)
