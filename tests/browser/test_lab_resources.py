"""What is alive in every kernel, seen and acted on in JupyterLab's Running panel."""

import os
import re
import signal

from playwright.sync_api import expect

from resnb.durations import seconds
from resnb.ledger.admin.commands import LedgerCommands
from resnb.ledger.store.home import ledger_home
from resnb.ledger.store.store import Store
from tests.browser.labs import (
    BUSY,
    OVERLAPS,
    START,
    Questions,
    Resources,
    exists,
    measured,
    opening,
)
from tests.ledger.worlds import ELSEWHERE, lease, wait_for

FIRST_SEEN = """() => {
  window.resnbFirst = {};
  const look = () => document.querySelectorAll('.resnb-rows > li').forEach((row) => {
    const said = `${row.querySelector('.name').textContent} ${row.querySelector('.state').textContent}`;
    window.resnbFirst[said] ??= Date.now() / 1000;
  });
  new MutationObserver(look).observe(document.querySelector('.resnb-section'),
    {subtree: true, childList: true, characterData: true});
  look();
}"""
GATED = """
@resource_manager
class Gated(Volume.resource_class):
    def cleanup(self, resource):
        from pathlib import Path
        from threading import Event
        while Path(resource + ".shut").exists():
            Event().wait(0.02)
        Path(resource).unlink(missing_ok=True)
"""
STUBBORN = """
import os
@resource_manager
class Stubborn(Volume.resource_class):
    def cleanup(self, resource):
        from pathlib import Path
        from threading import Event
        if os.getpid() == KERNEL:
            raise ConnectionError("the provider does not answer: no route to its host, " * 5)
        while Path(resource + ".shut").exists():
            Event().wait(0.02)
        Path(resource).unlink(missing_ok=True)
KERNEL = os.getpid()
"""
IS_CUT = """(one) => one.scrollWidth > one.clientWidth
  && getComputedStyle(one).textOverflow === 'ellipsis'
  && one.getBoundingClientRect().right <= one.closest('li').getBoundingClientRect().right"""
ENDS_IN_SIGHT = """(one) => one.lastElementChild.textContent !== '' && one.offsetWidth < one.firstElementChild.scrollWidth
  && one.lastElementChild.getBoundingClientRect().right <= one.getBoundingClientRect().right + 1"""
WIDER = "jupyterapp.shell._hsplitPanel.setRelativeSizes([1, 1, 0])"
BY_REAPER = re.compile("with the reaper|closing")


def test_what_is_open_is_listed_kept_and_cleaned_up(notebook, tmp_path):
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    notebook.open(START, opening(first, "one"), BUSY)
    resources = Resources(notebook)
    status = notebook.page.locator(".resnb-status button")
    expect(status).to_be_hidden()
    resources.show()
    expect(resources.section).to_contain_text("Nothing is open.")
    notebook.page.evaluate(FIRST_SEEN)

    notebook.run(0, 1)
    expect(resources.row("one/volume")).to_contain_text("test_what_is_open")
    resources.also_open(
        "beside", START, opening(second, "two"), "%flow close two", opening(third, "three", slow=1)
    )
    notebook.run(0, 1)
    expect(resources.row("two/volume")).to_contain_text("beside.ipynb")
    expect(resources.rows).to_have_count(2)
    seen = notebook.page.evaluate("window.resnbFirst")
    waited = {
        name: min(at for said, at in seen.items() if said.startswith(name)) - one["created"]
        for name, one in notebook.server.leases().items()
    }
    measured(f"seconds until a lease is listed: {waited}")
    expect(status).to_have_text("2 resources")
    notebook.picture("resources-of-two-notebooks")

    resources.row("one/volume").locator(".place").click()
    notebook.page.wait_for_function(
        f"jupyterapp.shell.currentWidget?.context?.path === '{notebook.name}.ipynb'"
    )
    resources.press("Keep", "one/volume")
    expect(resources.row("one/volume")).to_contain_text("kept 30 min")
    assert notebook.server.leases()["one/volume"]["keep"] == seconds("30m", "keep")

    notebook.begin(2)  # a cell that does not end
    notebook.page.wait_for_function(
        "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.status === 'busy'"
    )
    resources.press("Clean up", "one/volume")
    expect(resources.row("one/volume")).to_have_count(0)
    assert (exists(first), exists(second)) == (False, True)
    notebook.page.evaluate(
        "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.interrupt()"
    )
    notebook.wait_idle()

    resources.activate("beside")
    notebook.run(2)  # closed by the notebook itself
    expect(resources.rows).to_have_count(0)
    expect(status).to_be_hidden()
    notebook.run(3)
    expect(resources.rows).to_have_count(1)
    questions = Questions(notebook.page)
    resources.section.locator("..").get_by_role("button", name="Clean Up All").click()
    questions.answer("Clean up")
    expect(resources.rows).to_have_count(0)
    assert not exists(third)
    assert questions.titles() == ["Clean up 1 resource?"]
    assert not notebook.complaints


def test_a_killed_kernel_s_lease_passes_to_the_reaper(notebook, tmp_path):
    path, shut = tmp_path / "volume", tmp_path / "volume.shut"
    shut.touch()
    notebook.open(START + GATED, opening(path, manager="Gated"))
    resources = Resources(notebook)
    resources.show()
    notebook.run(0, 1)
    expect(resources.row("demo/volume").locator(".state")).to_have_text("open")
    os.kill(notebook.server.leases()["demo/volume"]["pid"], signal.SIGKILL)
    expect(resources.row("demo/volume").locator(".state")).to_have_text(BY_REAPER)
    shut.unlink()
    wait_for(lambda: not exists(path), "the reaper to clean up")
    expect(resources.rows).to_have_count(0)
    notebook.picture("after-a-kill")


def test_a_clean_up_that_has_failed_stays_red_while_it_is_tried_again(notebook, tmp_path):
    path, shut = tmp_path / "volume", tmp_path / "volume.shut"
    shut.touch()
    flow = "the_orders_of_all_customers_in_europe_2026"
    notebook.open(START + STUBBORN, opening(path, flow, "Stubborn"))
    resources, status = Resources(notebook), notebook.page.locator(".resnb-status button")
    resources.show()
    notebook.run(0, 1)
    row = resources.row(f"{flow}/volume")
    expect(row.locator(".state")).to_have_text("open")
    expect(status).not_to_have_class("is-wrong")
    resources.press("Clean up", f"{flow}/volume")
    expect(row.locator(".state")).to_have_text("closing")
    expect(row).to_have_class(re.compile("is-failed"))
    expect(status).to_have_class("is-wrong")
    expect(status).to_have_attribute("title", re.compile("is being tried again: .*no route"))
    reason, name = row.locator(".resnb-safety"), row.locator(".name")
    expect(reason).to_contain_text("the provider does not answer")
    notebook.page.evaluate(WIDER)
    for width in ("240px", "420px"):  # three lines, and two
        resources.section.evaluate("(one, width) => { one.style.width = width; }", width)
        notebook.page.wait_for_function(IS_CUT, arg=reason.element_handle())
        assert not row.evaluate(OVERLAPS)
        notebook.picture(f"tried-again-{width}", resources.section)
    resources.section.evaluate("(one) => { one.style.width = '240px'; }")
    notebook.page.wait_for_function(ENDS_IN_SIGHT, arg=name.element_handle())
    expect(row).to_have_attribute("title", re.compile(flow))
    shut.unlink()
    wait_for(lambda: not exists(path), "the reaper to clean up")
    expect(resources.rows).to_have_count(0)
    assert not notebook.complaints


def test_what_nobody_looks_after_is_marked_with_what_to_do(notebook):
    notebook.open(START)
    resources, store = Resources(notebook), Store(ledger_home())
    resources.show()
    store.add(lease("0123456789", ELSEWHERE, name="far/vm"))
    store.add(lease("1123456789", ELSEWHERE, name="torn/vm", notebook="/torn.ipynb"))
    try:
        with store._database.transaction() as db:
            db.execute("update leases set owner = 'nobody' where id = '1123456789'")
        expect(resources.row("far/vm")).to_contain_text("unknown")
        expect(resources.row("far/vm")).to_contain_text("if it has: resnb adopt 01234567")
        expect(resources.row("torn/vm")).to_contain_text("damaged")
        expect(resources.row("torn/vm")).to_contain_text("then: resnb forget 11234567")
        expect(resources.button("Clean up", "torn/vm")).to_be_disabled()
        expect(resources.button("Keep", "far/vm")).to_be_disabled()
        expect(resources.section).to_contain_text("2 resources nobody looks after")
        notebook.picture("nobody-looks-after")
        LedgerCommands(store.home).forget("torn/vm")
        expect(resources.rows).to_have_count(1)
    finally:
        with store._database.transaction() as db:
            db.execute("delete from leases where id in ('0123456789', '1123456789')")
    expect(resources.rows).to_have_count(0)
    assert not notebook.complaints
