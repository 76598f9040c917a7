"""The look inside: logs that grow, values of all kinds, resources and what can be done about them."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE

TALK = r"""
%%flow talk --with Machine(2) as machine
def speak():
    import logging
    from resnb import get_run_logger
    print("line 0")
    for number in range(1, 400):
        gates[number // 100].wait()
        print("line", number, "<b>bold</b>")
    get_run_logger().info("a line of the logger")
    logging.getLogger("mine").warning("a warning")
    return number
def item(x):
    print("item", x)
    if x == 2:
        raise ValueError("two is <i>bad</i>")
    return x
last = task(speak, name="speak")()
items = task(item).map([0, 1, 2, 3])
"""
GATES = "gates = [Event() for _ in range(4)]; gates[0].set()"
VALUES = r"""
import struct, zlib
import pandas
PREVIEWS._patience = 1.0
class Slow:
    def __repr__(self):
        never.wait(60)
class Endless:
    def __repr__(self):
        while True:
            pass
class Rude:
    def __repr__(self):
        raise OSError("<img src=x onerror=alert(1)>")
class Picture:
    def _repr_png_(self):
        def chunk(kind, data):
            body = kind + data
            return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
        size = 90
        rows = b"".join(b"\0" + bytes(v for x in range(size) for v in (x * 2, y * 2, 160)) for y in range(size))
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
values = {
    "slow": Slow(), "endless": Endless(), "rude": Rude(), "picture": Picture(),
    "frame": pandas.DataFrame({"carrier": ["<b>AA</b>", "UA\u202e"], "delay": [1.5, 22.25], "on": pandas.to_datetime(["2020-01-01"] * 2)}),
    "stream": (x for x in range(9)),
    "hostile": ["\ud800 lone", "\x1b[31mred\x1b[0m\x00", "\u05e9\u05dc\u05d5\u05dd", "x" * 9_000, "\N{ROCKET}"],
}
with Flow("values") as flow:
    for name in values:
        task(lambda name: values[name], name=name)(name)
    task(print, name="nothing")("\ud800\x1b[1mprinted\x00\u202e")
flow
"""
KEEPABLE = r"""
import tempfile, os
@resource_manager
class Folder:
    def __init__(self, password="hush"):
        self.password = password
    def setup(self):
        print("making a folder")
        return {"path": tempfile.mkdtemp(), "password": "hush"}
    def handle(self, resource):
        return resource
    def find(self, lease_id):
        return None
    def cleanup(self, resource):
        print("removing the folder")
        os.rmdir(resource["path"])
"""
FOLDER = """
%%flow store --with Folder() as folder --run
def look(folder):
    return sorted(folder)
names = task(look)(folder)
"""


FORGET = """
from resnb.view.live.ticker import TICKER
for live in tuple(TICKER._flows):
    for view in tuple(live.views):
        live.closed(view)
"""


OUTSIDE = """(output) => {
  const copy = output.cloneNode(true);
  copy.querySelectorAll('.resnb').forEach((view) => { view.remove(); });
  return copy.textContent;
}"""
"""What an output says beside the views in it."""


def node(view, name):
    return view.locator(f"[role=button][aria-label^='{name},']").first


def test_a_log_grows_while_its_task_runs_and_is_in_no_cell(notebook):
    notebook.open(PRELUDE, GATES, TALK, "talk", "'another cell'", "for g in gates: g.set()")
    notebook.run(0, 1, 2, 3, 4)
    view = notebook.view(3)
    node(view, "item").press("Enter")
    view.get_by_role("button", name="Run", exact=True).click()
    log = view.locator(".inspector pre.log")
    expect(log).to_contain_text("[2] item 2")
    expect(view.locator(".inspector")).to_contain_text("[2] ValueError: two is <i>bad</i>")
    notebook.picture("mapped-details", view)
    node(view, "speak").press("Enter")
    expect(log).to_contain_text("line 99 <b>bold</b>")
    expect(log).not_to_contain_text("line 100")
    expect(node(view, "speak")).to_have_attribute("aria-label", "speak, task, running")
    expect(view.locator(".inspector dl")).to_contain_text("running for")
    notebook.picture("live-log", view)
    log.evaluate("one => { one.scrollTop = 40 }")
    notebook.run(5)
    expect(view.locator(".flow-state")).to_contain_text("failed")
    expect(log).to_contain_text("a warning")
    expect(log).to_contain_text("INFO: a line of the logger")
    assert log.evaluate("one => one.scrollTop") == 40
    assert log.locator("b").count() == 0
    for cell in range(6):
        text = notebook.output(cell).evaluate(OUTSIDE)
        assert "item 2" not in text
        assert "bold" not in text


@pytest.mark.long
def test_values_are_shown_as_what_they_are_and_never_hold_up_the_view(notebook):
    alerts = []
    notebook.page.on("dialog", lambda dialog: (alerts.append(dialog.type), dialog.accept()))
    notebook.open(PRELUDE, VALUES, "1 + 1", "PREVIEWS._patience = 60.0")
    notebook.run(0, 1)
    view, inspector = notebook.view(1), notebook.view(1).locator(".inspector")
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.locator(".flow-state")).to_contain_text("success")
    for name in ("slow", "endless"):
        node(view, name).press("Enter")
        expect(inspector.locator("h4")).to_have_text(name)
        expect(inspector).to_contain_text("its repr takes too long")
    notebook.run(3)
    node(view, "picture").press("Enter")
    expect(inspector.locator("img")).to_have_count(1)
    assert (
        inspector.locator("img").evaluate("one => one.decode().then(() => one.naturalWidth)") == 90
    )
    notebook.picture("value-picture", view)
    node(view, "frame").press("Enter")
    expect(inspector.locator("table")).to_contain_text("<b>AA</b>")
    expect(inspector).to_contain_text("2 rows, 3 columns")
    notebook.picture("value-table", view)
    node(view, "rude").press("Enter")
    expect(inspector).to_contain_text("its repr raises OSError")
    node(view, "stream").press("Enter")
    expect(inspector).to_contain_text("generator object")
    node(view, "hostile").press("Enter")
    expect(inspector).to_contain_text("red")
    notebook.picture("value-hostile", view)
    node(view, "nothing").press("Enter")
    expect(inspector.locator("pre.log")).to_have_text(
        " printed\n".strip() + "\n", use_inner_text=False
    )
    notebook.run(2)
    expect(notebook.output(2)).to_contain_text("2")
    assert view.locator("b, script").count() == 0
    assert alerts == []


@pytest.mark.long
def test_a_resource_is_kept_and_cleaned_up_while_a_cell_is_running(notebook):
    notebook.open(PRELUDE, KEEPABLE, FOLDER, "hold = Event()\nprint('begun')\nhold.wait()")
    notebook.run(0, 1, 2)
    view, inspector = notebook.view(2), notebook.view(2).locator(".inspector")
    view.locator(".cluster .body").click(position={"x": 4, "y": 30})
    expect(inspector).to_contain_text("this kernel")
    expect(inspector).to_contain_text("making a folder")
    expect(inspector).to_contain_text("'password': <not shown>")
    expect(inspector).not_to_contain_text("hush")
    notebook.begin(3)
    expect(notebook.output(3)).to_contain_text("begun")
    inspector.get_by_role("button", name="Keep 30 minutes").click()
    expect(view.locator(".notice")).to_contain_text("is kept for 30 minutes")
    expect(inspector).to_contain_text("kept for 30m after its end")
    notebook.picture("cluster-open", view)
    inspector.get_by_role("button", name="Clean up").click()
    expect(view.locator(".notice")).to_contain_text("cleaned up store/folder")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    expect(inspector).to_contain_text("removing the folder")
    for name in ("Clean up", "Keep 30 minutes"):
        expect(inspector.get_by_role("button", name=name)).to_be_disabled()
    notebook.picture("cluster-closed", view)
    assert "removing" not in notebook.output(3).text_content()
    notebook.page.evaluate("jupyterapp.commands.execute('notebook:interrupt-kernel')")


@pytest.mark.long
def test_a_view_that_the_kernel_has_forgotten_speaks_up_and_gets_everything(notebook):
    notebook.open(PRELUDE, KEEPABLE, FOLDER, FORGET, "store.run()")
    notebook.run(0, 1, 2)
    view, inspector = notebook.view(2), notebook.view(2).locator(".inspector")
    node(view, "look").press("Enter")
    expect(inspector.locator("dl")).to_contain_text("success")
    notebook.run(3, 4)
    expect(view.locator(".cluster.is-open")).to_have_count(1)  # it has not heard of the run
    notebook.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(view.locator(".cluster.is-closed")).to_have_count(1)
    view.get_by_role("button", name="close details").click()
    expect(inspector).to_be_hidden()
    node(view, "look").press("Enter")
    expect(inspector.locator("dl")).to_contain_text("success")
