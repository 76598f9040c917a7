"""The ways by which JupyterLab ends a kernel, and a kernel that holds a volume."""

import re
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass

from playwright.sync_api import Error, expect

from tests.browser.labs import START, Questions, Resources, exists

CLEAN, KEEP, LEAVE, CANCEL = (
    "Clean up and",
    "Keep for 30 min",
    "Clean up in the background",
    "Cancel",
)
_NOISE = (
    "Cannot read properties of null (reading 'promise')",  # a tab closed as soon as it is shown
)
"""What JupyterLab itself complains of."""
PATIENCE = 60_000
"""Milliseconds that anything may take."""

FRESH = """async (path) => {
  const {commands, serviceManager: {kernels, sessions}} = jupyterapp;
  for (;;) {
    const panel = await commands.execute('docmanager:open', {path}), {sessionContext} = panel;
    await panel.context.ready;
    await sessionContext.ready;  // JupyterLab begins it; whoever is earlier makes it ask for a kernel
    await Promise.all([kernels.refreshRunning(), sessions.refreshRunning()]);
    const {session} = sessionContext, id = session?.kernel?.id;
    if (panel.isDisposed) continue;
    if (id && [...kernels.running()].some((one) => one.id === id)) return id;
    if (!session) await sessionContext.changeKernel({name: 'python3'});
    await new Promise((resolve) => setTimeout(resolve, 50));  // it hears of its kernel's end later
  }
}"""
EXECUTE = """async (code) => {
  const {kernel} = jupyterapp.shell.currentWidget.sessionContext.session;
  const {content} = await kernel.requestExecute({code, store_history: false,
    user_expressions: {x: "'Volume' in globals()"}}).done;
  if (content.status !== 'ok') throw new Error(content.evalue);
  return content.user_expressions.x.data['text/plain'] === 'True';
}"""
SHUT_DOWN_ON_CLOSE = """async (isOn) => {
  for (const {sessionContext, context} of [...jupyterapp.shell.widgets('main')]) {
    if (!sessionContext) continue;
    sessionContext.kernelPreference = {...sessionContext.kernelPreference, shutdownOnDispose: isOn};
    if (isOn) await context?.save();
  }
}"""
CLOSE_VIEWS = """async () => {
  const {shell, serviceManager: {kernels}} = jupyterapp;
  for (const one of [...shell.widgets('main')]) {
    if (!one.sessionContext) continue;
    await one.context?.save();
    one.close();
    while (!one.isDisposed) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  do {
    await kernels.refreshRunning();
  } while ([...kernels.running()].some(({connections}) => connections > 0));
}"""
RUNNING = """() => {
  jupyterapp.shell.activateById('jp-running-sessions');
  return jupyterapp.serviceManager.kernels.refreshRunning();
}"""
CONSOLE = """async (path) => {
  const {sessions} = jupyterapp.serviceManager;
  do {
    await sessions.refreshRunning();  // the kernel's session is called by another path at first
  } while (![...sessions.running()].some((one) => one.path === path));
  const panel = await jupyterapp.commands.execute('console:create', {path});
  jupyterapp.shell.activateById(panel.id);
  await panel.sessionContext.ready;
}"""


@dataclass(frozen=True)
class Way:
    """One way to end a kernel.

    Attributes:
        name: what it is called here.
        title: what the question says.
        act: what somebody does.
        before: a script that is run before, given the notebook's path.
        stock: the title of JupyterLab's own question, if it has one.
        earlier: the title of what is asked in any case.
        is_restart: the kernel goes on afresh.
        closes: the notebook is closed, too.
    """

    name: str
    title: str
    act: Callable[["Kernel"], object]
    before: str = ""
    stock: str = ""
    earlier: str = ""
    is_restart: bool = False
    closes: bool = False

    def __repr__(self):
        return self.name


class Kernel:
    """The kernel of one notebook, with a volume that it holds; what ends it is written down.

    Args:
        notebook: a notebook that is open.
        path: where its volume is.
        questions: those of the page, if they are counted by now.
    """

    def __init__(self, notebook, path, questions=None):
        self.notebook, self.page, self.path = notebook, notebook.page, path
        self.resources = Resources(notebook)
        self.questions = questions or Questions(notebook.page)
        self.flow = notebook.name.split("_")[1]  # each test's leases have names of their own
        self.ends = []  # for each request that ends it, whether the volume was there at the time
        self.page.route("**/api/**", self._see)

    def _see(self, route):
        asked = route.request
        is_end = asked.method == "DELETE" and (
            "/kernels/" in asked.url or "/sessions/" in asked.url
        )
        is_end |= asked.method == "POST" and "/restart" in asked.url
        is_end |= asked.method == "POST" and "/api/shutdown" in asked.url
        is_end |= asked.method == "PATCH" and '"kernel"' in (asked.post_data or "")
        if is_end:
            self.ends.append(exists(self.path))
        route.fallback()

    def hold(self):
        """Open the volume, in a kernel that is fresh unless it holds it by now."""
        self.id = self.open()
        if not exists(self.path):
            line, cell = f'{self.flow} --with Volume("{self.path}") as volume --run', "0"
            open_it = f"get_ipython().run_cell_magic('flow', {line!r}, {cell!r})"
            self.page.evaluate(EXECUTE, f"{START}\n{open_it}")
        assert exists(self.path)
        # the page asks the server once more before a kernel ends, but does not wait for long
        expect(self.page.locator(".resnb-status button")).to_have_text(re.compile("[1-9]"))
        self.ends.clear()

    def open(self):
        """Open the notebook, with a kernel."""
        found = self.page.evaluate(FRESH, f"{self.notebook.name}.ipynb")
        self.notebook.wait_idle()
        return found

    def also(self, name):
        """Another notebook in the same JupyterLab."""
        self.resources.also_open(name, "'ran'")
        found = copy(self.notebook)
        found.name = name
        return found

    def wants_questions(self, *, is_wanted):
        """Say so in the settings, and wait until JupyterLab has read them again."""
        asked = []

        def see(answer):
            if "settings/resnb" in answer.url:
                asked.append(answer.request.method)

        self.resources.command("settingeditor:open", "{query: 'Ask before a kernel'}")
        box = self.page.get_by_label("Ask before a kernel with open resources ends")
        expect(box).to_be_visible(timeout=PATIENCE)
        self.page.on("response", see)
        box.set_checked(is_wanted)
        self.until(
            lambda: "PUT" in asked and "GET" in asked[asked.index("PUT") :],
            "the setting to be saved",
        )
        self.page.remove_listener("response", see)
        self.page.evaluate("jupyterapp.shell.currentWidget.close()")

    def leases(self):
        query = f"resnb/api/leases?name={self.flow}/volume"
        return self.notebook.server.ask("GET", query)["leases"]

    def kernels(self):
        return [one["id"] for one in self.notebook.server.ask("GET", "api/kernels")]

    def is_gone(self):
        """Whether neither the kernel is left nor a session of it."""
        sessions = self.notebook.server.ask("GET", "api/sessions")
        ids = {*self.kernels(), *(one["kernel"]["id"] for one in sessions if one["kernel"])}
        return self.id not in ids

    def until(self, condition, what):
        """Look every few milliseconds, while the page goes on, until `condition` holds."""
        for _ in range(PATIENCE // 50):
            if condition():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"waited in vain for {what}")

    def knows(self):
        """Whether the kernel knows what was before; asked again if it is restarted meanwhile."""
        for _ in range(20):
            self.open()  # which a console may be before
            with suppress(Error):
                return self.page.evaluate(EXECUTE, "")
        raise AssertionError("the kernel does not answer")

    def check(self, answer, way):
        """Check on the real things that what was answered was done."""
        if answer == CANCEL:
            assert not self.ends, way
            assert exists(self.path), way
            return
        self.until(lambda: self.ends, f"the kernel's end by {way}")
        self.page.evaluate("() => window.resnbDone?.then(() => 0, () => 0)")
        if way.is_restart:
            self.until(lambda: not self.knows(), f"a fresh kernel by {way}")
            assert self.id in self.kernels(), way
        else:
            self.until(self.is_gone, f"the kernel's end by {way}")
        if way.closes:
            tab = self.page.locator(".lm-TabBar-tab", has_text=f"{self.notebook.name}.ipynb")
            expect(tab).to_have_count(0)
        assert self.ends == [answer != CLEAN], way  # one end; cleaned up before it, or not
        if answer == KEEP:
            self.drop_kept()
        self.until(lambda: not exists(self.path) and not self.leases(), f"the clean-up by {way}")

    def drop_kept(self):
        """Check that the volume is kept, and end it."""
        self.until(lambda: [one["state"] for one in self.leases()] == ["kept"], "it to be kept")
        (one,) = self.leases()
        assert (one["keep"], exists(self.path)) == (1800, True)
        self.notebook.server.ask("POST", f"resnb/api/leases/{one['id']}/cleanup")
        self.until(lambda: not exists(self.path), "the clean-up of what is kept")

    @property
    def complaints(self):
        """What the page has complained of."""
        return [one for one in self.notebook.complaints if one not in _NOISE]

    def go(self, way):
        """Go one way, up to the question."""
        if way.before:
            self.page.evaluate(way.before, f"{self.notebook.name}.ipynb")
        way.act(self)

    def try_out(self, way, answer):
        """Go one way, and answer; there is one question, and what it says is done."""
        self.go(way)
        self.questions.answer(answer)
        self.check(answer, way)
        asked = [way.earlier] if way.earlier else []
        assert self.questions.titles() == [*asked, f"{way.title}? 1 resource is open"], way
        expect(self.questions.all).to_have_count(0)


def _press_running(kernel):
    row = kernel.page.locator(".jp-RunningSessions-item.jp-mod-kernel")
    row.locator(".jp-RunningSessions-itemLabel").first.hover()
    row.locator(".jp-RunningSessions-itemShutdown").first.click()


def _press_menu_of_running(kernel):
    kernel.page.locator(".jp-RunningSessions-item.jp-mod-kernel").first.click(button="right")
    kernel.page.locator(".lm-Menu-item", has_text="Shut Down Kernel").click()


def _press_shut_down_all(kernel):
    title = kernel.page.locator(".lm-AccordionPanel-title", has_text="Kernels")
    title.locator(".jp-RunningSessions-shutdownAll").click()


def _press_restart(kernel):
    kernel.page.locator(".jp-Toolbar [data-command='notebook:restart-kernel']").click()


def _press_close(kernel):
    tab = kernel.page.locator("#jp-main-dock-panel .lm-TabBar-tab.jp-mod-current")
    tab.locator(".lm-TabBar-tabCloseIcon").click()


def _select(kernel, name):
    command = "void (window.resnbDone = jupyterapp.commands.execute('notebook:change-kernel'))"
    kernel.page.evaluate(command)
    kernel.page.locator(".jp-Dialog select").select_option(label=name)
    kernel.questions.answer("Select")


def _in_file_browser(kernel):
    select_files(kernel.page, kernel.notebook.name)
    kernel.resources.command("filebrowser:shutdown")


def _by_script(script):
    session = "jupyterapp.shell.currentWidget.sessionContext.session"
    return lambda kernel: kernel.page.evaluate(f"void {session}.{script}.catch(() => 0)")


def _command(name, title, **options):
    execute = f"void (window.resnbDone = jupyterapp.commands.execute('{name}'))"
    return Way(name, title, lambda kernel: kernel.page.evaluate(execute), **options)


def select_files(page, *names):
    """Select notebooks in the file browser."""
    page.evaluate("jupyterapp.shell.activateById('filebrowser')")
    for count, name in enumerate(names):
        item = page.locator(".jp-DirListing-item", has_text=f"{name}.ipynb")
        item.click(modifiers=["Control"] if count else [])


_RESTART, _SHUT_DOWN, _ALL, _CHANGE, _CLOSE = (
    "Restart the kernel",
    "Shut down the kernel",
    "Shut down all kernels",
    "Change the kernel",
    "Close and shut down the kernel",
)
_CLOSING = f"() => ({SHUT_DOWN_ON_CLOSE})(true)"

WAYS = (
    _command("notebook:restart-kernel", _RESTART, is_restart=True, stock="Restart Kernel?"),
    _command("notebook:restart-clear-output", _RESTART, is_restart=True, stock="Restart Kernel?"),
    _command("notebook:restart-run-all", _RESTART, is_restart=True, stock="Restart Kernel?"),
    _command(
        "notebook:restart-and-run-to-selected", _RESTART, is_restart=True, stock="Restart Kernel?"
    ),
    _command("kernelmenu:restart", _RESTART, is_restart=True, stock="Restart Kernel?"),
    Way("restart, toolbar", _RESTART, _press_restart, is_restart=True, stock="Restart Kernel?"),
    Way("restart, another extension", _RESTART, _by_script("kernel.restart()"), is_restart=True),
    _command("notebook:shutdown-kernel", _SHUT_DOWN),
    _command("kernelmenu:shutdown", _SHUT_DOWN),
    Way("shut down, another extension", _SHUT_DOWN, _by_script("shutdown()")),
    Way("shut down, file browser", _SHUT_DOWN, _in_file_browser),
    Way("shut down, Running panel", _SHUT_DOWN, _press_running, before=RUNNING),
    Way("shut down, Running panel's menu", _SHUT_DOWN, _press_menu_of_running, before=RUNNING),
    Way("all, Running panel", _ALL, _press_shut_down_all, before=RUNNING, stock="Shut Down All?"),
    _command("kernelmenu:shutdownAll", _ALL, stock="Shut Down All?"),
    Way(
        "change kernel",
        _CHANGE,
        lambda kernel: _select(kernel, "Python 3 (ipykernel)"),
        earlier="Select Kernel",
    ),
    Way(
        "change to no kernel",
        _SHUT_DOWN,
        lambda kernel: _select(kernel, "No Kernel"),
        earlier="Select Kernel",
    ),
    _command("notebook:close-and-shutdown", _CLOSE, closes=True, stock="Shut down the notebook?"),
    _command("filemenu:close-and-cleanup", _CLOSE, closes=True, stock="Shut down the notebook?"),
    Way("close the tab", _CLOSE, _press_close, closes=True, before=_CLOSING),
    _command("application:close-all", _CLOSE, closes=True, before=_CLOSING),
    _command(
        "console:restart-kernel",
        _RESTART,
        is_restart=True,
        before=CONSOLE,
        stock="Restart Kernel?",
    ),
    _command("console:shutdown", _SHUT_DOWN, before=CONSOLE),
    _command("console:close-and-shutdown", _CLOSE, before=CONSOLE, stock="Shut down the console?"),
    _command(
        "running:kernel-shut-down-unused",
        "Shut down unused kernels",
        before=CLOSE_VIEWS,
        stock="Shut Down Unused",
    ),
)
"""All but the end of the server."""
SERVER = _command("filemenu:shutdown", "Shut down the server", stock="Shutdown confirmation")

__all__ = [
    "CANCEL",
    "CLEAN",
    "KEEP",
    "LEAVE",
    "SERVER",
    "SHUT_DOWN_ON_CLOSE",
    "WAYS",
    "Kernel",
    "Way",
    "select_files",
]
