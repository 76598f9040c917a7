"""The page as a whole: loaded again, without its server, with very many leases, and idle."""

import re

import pytest
from playwright.sync_api import expect

from resnb.ledger.store.home import ledger_home
from resnb.ledger.store.store import Store
from tests.browser.conftest import PICTURES
from tests.browser.lab import LIMIT, NOTEBOOK_7, Notebook, Server
from tests.browser.labs import START, Questions, Resources, measured, opening
from tests.ledger.worlds import here, lease

OPENED = """async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
  const {shell} = jupyterapp, took = [];
  for (let time = 0; time < 9; time += 1) {
    shell.activateById('filebrowser');
    await frame(); await frame();
    const begun = performance.now();
    shell.activateById('jp-running-sessions');
    await frame();
    if (!document.querySelector('.resnb-rows > li')) throw new Error('no rows');
    took.push(performance.now() - begun);
  }
  return took.sort((one, other) => one - other);
}"""
SCROLLED = """async () => {
  const list = document.querySelector('.resnb-scroll'), took = [], seen = new Set();
  let most = 0;
  for (let top = 0; top < list.scrollHeight; top += list.scrollHeight / 120) {
    const begun = performance.now();
    list.scrollTop = top;
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
    took.push(performance.now() - begun);
    const rows = [...document.querySelectorAll('.resnb-rows > li')];
    most = Math.max(most, rows.length);
    rows.forEach((one) => seen.add(one.querySelector('.name').textContent));
  }
  took.sort((one, other) => one - other);
  return {median: took[60], worst: took.at(-1), most, seen: seen.size};
}"""


@pytest.fixture
def crowd():
    """Puts many leases into the ledger, which this process holds."""
    store = Store(ledger_home())
    added = []

    def add(many):
        for count in range(len(added), len(added) + many):
            known = lease(f"crowd{count:027d}", here(), name=f"crowd/{count:04d}", key=f"{count}")
            store.add(known)
            added.append(known.id)

    yield add
    with store._database.transaction() as db:
        db.executemany("delete from leases where id = ?", [(one,) for one in added])


@pytest.fixture
def own(page, tmp_path):
    """A notebook on a server of its own, which may be stopped."""
    folder = tmp_path / "own"
    folder.mkdir()
    server = Server(folder)
    yield Notebook(page, server, "own", PICTURES)
    page.close()
    server.close()


@pytest.mark.long
def test_nothing_is_lost_or_doubled_by_another_page_or_server(own, crowd, tmp_path):
    notebook = own
    crowd(3)
    notebook.open(START, opening(tmp_path / "volume"))
    resources = Resources(notebook)
    resources.show()
    notebook.run(0, 1)
    names = sorted([*(f"crowd/{one:04d}" for one in range(3)), "demo/volume"])

    def listed():
        return sorted(resources.rows.locator(".name").all_text_contents())

    expect(resources.rows).to_have_count(4)
    assert listed() == names
    notebook.page.reload()
    notebook.wait_idle()
    resources.show()
    expect(resources.rows).to_have_count(4)
    assert listed() == names
    expect(resources.row("demo/volume")).to_contain_text("own.ipynb")

    notebook.server.stop()
    expect(resources.section).to_contain_text("does not answer")
    expect(resources.rows).to_have_count(4)
    notebook.picture("without-a-server")
    notebook.server.start()
    # it asks less and less often
    expect(resources.section).not_to_contain_text("does not answer", timeout=1000 * LIMIT)
    expect(resources.rows).to_have_count(3)  # the kernel has ended with its server
    assert listed() == names[:3]


@pytest.mark.long
def test_a_thousand_leases_open_at_once_and_scroll_smoothly(notebook, crowd):
    frames, requests = [], []

    def listen(socket):
        if "resnb/api/stream" in socket.url:
            socket.on("framereceived", lambda frame: frames.append(frame))

    notebook.page.on("websocket", listen)
    notebook.page.on("request", lambda one: "/resnb/" in one.url and requests.append(one.url))
    crowd(1000)
    notebook.open("1 + 1")
    resources = Resources(notebook)
    resources.show()
    expect(resources.rows.first).to_be_visible()
    took = notebook.page.evaluate(OPENED)
    scrolled = notebook.page.evaluate(SCROLLED)
    measured(
        f"opened in {took[4]:.0f} ms, at worst {took[-1]:.0f}; a step of scrolling: {scrolled}"
    )
    assert scrolled["seen"] == 1000
    expect(notebook.page.locator(".resnb-status button")).to_have_text("1,000 resources")
    notebook.picture("a-thousand")

    frames.clear()
    requests.clear()
    notebook.page.wait_for_timeout(4000)  # what a quiet page does is seen by waiting only
    assert (frames, requests) == ([], [])
    crowd(1)
    expect(resources.section).to_contain_text("1 resource more")
    assert not notebook.complaints


@pytest.mark.long
def test_notebook_7_loads_all_of_it_that_it_has_room_for(notebook, tmp_path):
    notebook.front_end = NOTEBOOK_7
    notebook.open(START, opening(tmp_path / "volume", "seven"))
    notebook.run(0, 1)
    page = notebook.page
    page.evaluate("void jupyterapp.commands.execute('notebook:restart-kernel')")
    expect(page.locator(".jp-Dialog")).to_contain_text("seven/volume")
    page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    questions = Questions(page)
    page.evaluate("void jupyterapp.commands.execute('filemenu:close-and-cleanup')")
    questions.answer("Cancel")
    assert questions.titles() == ["Close and shut down the kernel? 1 resource is open"]
    assert len(notebook.server.ask("GET", "api/kernels")) == 1
    page.evaluate("void jupyterapp.commands.execute('resnb:show-flows')")
    expect(page.locator(".resnb-flows .node").first).to_be_visible()
    notebook.picture("notebook-7-flows")
    page.goto(f"{notebook.server.url}/tree")
    page.get_by_role("tab", name=re.compile("Running")).click()
    expect(page.locator(".jp-RunningSessions")).to_contain_text("seven/volume")
    notebook.picture("notebook-7-tree")
    assert not notebook.complaints
