"""``%%resource``: the forms of a definition, its options, and what defining it again does."""

import pytest

GENERATOR = """
%%resource box{signature}{options}
happened.append("make box")
made = {value}
yield made
happened.append(f"break {{made}}")
"""


def box(value="'box'", signature="", options=""):
    return GENERATOR.format(value=value, signature=signature, options=options)


def test_a_generator_body(cells):
    cells.run(box())
    cells.run("%%flow etl --with box as b --run\nu = use(b)", "a")
    assert cells.value("b.value, alive()") == ("box", ["etl/b open"])
    cells.run("%flow close etl")
    assert cells.value("since()") == ["make box", "use box 0", "break box"]


def test_it_prints_and_binds_nothing_but_its_name(cells):
    cells.run("before = None; before = everything()")
    shown = cells.run(box())
    assert not shown.stdout + shown.stderr + shown.texts
    assert cells.value("set(everything()[0]) - set(before[0])") == {"box"}
    assert cells.value("repr(box)") == "<ResourceManager: box>"


def test_a_signature_with_defaults_of_the_notebook(cells):
    cells.run("usual = 3")
    cells.run(box("n", "(n=usual)"))
    cells.run("%%flow etl(m=8) --with box as b --with box(m) as c --run\nu = use(b, c)", "a")
    assert cells.value("u.value, b.value, c.value") == ("3 used", 3, 8)


def test_try_finally(cells):
    cells.run("%%resource box\ntry:\n    yield 1\nfinally:\n    happened.append('finally')")
    cells.run("%%flow etl --with box as b\nu = use(b)", "a")
    cells.run("%flow run etl")
    assert cells.value("since()") == ["use 1 0", "finally"]


def test_names_of_the_body_are_its_own(cells):
    cells.run(box())
    cells.run("%%flow etl --with box as b\nu = use(b)", "a")
    cells.run("%flow run etl")
    assert cells.value("'made' in globals()") is False


def test_a_class_body(cells):
    cells.run(
        """
        %%resource crate
        class Crate:
            def __init__(self, size=1): self.size = size
            def setup(self): return f"crate {self.size}"
            def cleanup(self, resource): happened.append(f"break {resource}")
        """
    )
    cells.run("%%flow etl --with crate(4) as c\nu = use(c)", "a")
    cells.run("%flow run etl")
    assert cells.value("since()") == ["use crate 4 0", "break crate 4"]


def test_an_async_body(cells):
    cells.run(
        """
        %%resource box
        await asyncio.sleep(0)
        yield "async box"
        await asyncio.sleep(0)
        happened.append("break async box")
        """
    )
    cells.run("%%flow etl --with box as b\nu = use(b)", "a")
    cells.run("%flow run etl")
    assert cells.value("since()") == ["use async box 0", "break async box"]


def test_a_class_with_async_methods(cells):
    cells.run(
        """
        %%resource Crate
        class Crate:
            async def setup(self):
                await asyncio.sleep(0)
                return "crate"
            async def cleanup(self, resource):
                happened.append(f"break {resource}")
        """
    )
    cells.run("%%flow etl --with Crate as c\nu = use(c)", "a")
    cells.run("%flow run etl")
    assert cells.value("since()") == ["use crate 0", "break crate"]


def test_bodies_may_use_line_magics_and_shell_commands(cells):
    cells.run("%%resource box\nwords = !echo one two\nhere = %pwd\nyield words[0]\n!true")
    cells.run("%%flow etl --with box as b\nu = use(b)", "a")
    cells.run("%flow run etl")
    assert cells.value("u.value") == "one two used"


def test_lease_is_there(cells):
    cells.run("%%resource box\nyield len(lease.id)")
    cells.run("%%flow etl --with box as b\nu = use(b)", "a")
    cells.run("%flow run etl")
    assert cells.value("u.value") == "32 used"


CLEANED_UP_ELSEWHERE = """
import pickle
from resnb.ledger.recipes.recipe import recipe_of
[_lease] = KEEPER.alive()
_handle = pickle.loads(_lease.entry.handle)
_data = recipe_of(_lease.name, _lease.manager, is_open=True).data
_recipe = pickle.loads(_data)
_recipe.cleanup(_recipe.attach(_handle))
_recipe = pickle.loads(_data)
_recipe.cleanup(_recipe.find("any"))
"""


def test_handle_attach_and_find_serve_a_clean_up_in_another_process(cells, tmp_path):
    cells.run(f"log = {str(tmp_path / 'log')!r}")
    cells.run(
        """
        %%resource box
        def handle(resource): return int(resource.removeprefix("box "))
        def attach(handle): return f"attached {handle}"
        def find(lease_id): return f"found {lease_id}"
        made = "box 5"
        yield made
        with open(log, "a") as file: print(made, file=file)
        """
    )
    cells.run("%%flow etl --with box as b --run\nu = use(b)", "a")
    cells.run(CLEANED_UP_ELSEWHERE)
    assert (tmp_path / "log").read_text().splitlines() == ["attached 5", "found any"]
    cells.run("%flow close etl")
    assert (tmp_path / "log").read_text().splitlines()[2:] == ["box 5"]


def test_options(cells):
    cells.run(box(options=" --ttl 2h --cleanup-retries 2 --on success --lifetime flow --keep 10m"))
    assert cells.value(
        "tuple(getattr(box.scope_options, n) for n in ('ttl', 'cleanup_retries', 'on', 'lifetime', 'keep'))"
    ) == (7200.0, 2, "success", "flow", 600.0)


@pytest.mark.parametrize("kind", ["generator", "class"])
def test_dies_with_kernel(cells, kind):
    body = {
        "generator": "yield 1",
        "class": "class Box:\n    def cleanup(self, resource): pass",
    }[kind]
    cells.run(f"%%resource box --dies-with-kernel\n{body}")
    assert cells.value("box.resource_class.dies_with_kernel") is True


def test_a_kernel_wide_resource_is_shared_by_two_flows(cells):
    cells.run(box(options=" --lifetime kernel"))
    cells.run("%%flow one --with box as b --run\nu = use(b, 1)", "a")
    cells.run("%%flow two --with box as b\nu = use(b, 2)", "b")
    cells.run("%flow run two")
    assert cells.value("since(), alive()") == (
        ["make box", "use box 1", "use box 2"],
        ["kernel/b open"],
    )
    cells.run("%resources cleanup")
    assert cells.value("since(), alive()") == (["break box"], [])


# ---- again


def test_again_replaces_the_definition(cells):
    cells.run(box("1"))
    cells.run("%%flow etl --with box as b\nu = use(b)", "a")
    cells.run(box("2"))
    cells.run("%flow run etl")
    assert cells.value("u.value") == "2 used"


def test_an_open_lease_is_cleaned_up_at_once_by_its_old_recipe(cells):
    cells.run(box("1"))
    cells.run("%%flow etl --with box as b --run\nu = use(b)", "a")
    cells.run("since()")
    cells.run(
        """
        %%resource box
        happened.append("make new")
        yield "new"
        happened.append("break new")
        """
    )
    assert cells.value("since(), alive()") == (["break 1"], [])
    cells.run("%%flow etl --with b --run\nv = use(b)", "b")
    cells.run("%flow close etl")
    assert cells.value("since()") == ["make new", "use new 0", "break new"]


def test_a_lease_in_use_is_cleaned_up_when_its_last_user_ends(notebook):
    notebook.run(
        "go = threading.Event()\n@task\ndef wait(b): go.wait(); happened.append(f'used {b}')"
    )
    notebook.run(box("1", options=" --lifetime kernel"))
    notebook.run("%%flow etl --with box as b\nu = wait(b)", "a")
    notebook.run("since(); begun = threading.Event(); run = etl.start()")
    notebook.run("while not KEEPER.alive() or KEEPER.alive()[0].state != 'open': begun.wait(0.005)")
    notebook.run(box("2", options=" --lifetime kernel"))
    assert notebook.value("since(), alive()") == (["make box"], ["kernel/b open"])
    notebook.run("go.set(); run.wait()")
    assert notebook.value("since(), alive()") == (["used 1", "break 1"], [])


def test_a_running_flow_keeps_its_open_lease_until_its_end(notebook):
    notebook.run(
        "go = threading.Event()\n@task\ndef wait(b): go.wait(); happened.append(f'used {b}')"
    )
    notebook.run(box("1"))
    notebook.run("%%flow etl --with box as b --run\nu = number(0)", "a")
    notebook.run("%%flow etl --with b\nv = wait(b)", "b")
    notebook.run("since(); run = etl.start()")
    notebook.run(box("2"))
    assert notebook.value("alive()") == ["etl/b open"]
    notebook.run("go.set(); run.wait()")
    assert notebook.value("since()[-2:], alive()") == (["used 1", "break 1"], [])


def test_options_given_at_the_scope_stay(cells):
    cells.run(box("1"))
    cells.run("%%flow etl --with box.options(ttl='2h')() as b\nu = use(b)", "a")
    cells.run(box("2", options=" --keep 10m"))
    assert cells.value("[(s.options.ttl, s.options.keep) for s in etl.scopes]") == [(7200.0, 600.0)]


def test_arguments_that_no_longer_fit_are_refused(notebook):
    notebook.run(box("n", "(n=1)"))
    notebook.run("%%flow etl --with box(2) as b --run\nu = use(b)", "a")
    notebook.run("%%flow other --with box(3) as b --run\nu = use(b)", "b")
    line = notebook.refuse(box("1"))
    assert (
        "resource 'box' has no parameter 'n', but scope 'b' of flow 'etl' uses it as box(2)" in line
    )
    assert notebook.value("alive()") == ["etl/b open", "other/b open"]


@pytest.mark.parametrize("body", ["yield 1 +", "class A:\n    def cleanup(self, r): pass\n1 / 0"])
def test_a_cell_that_raises_leaves_the_definition(cells, body):
    cells.run(box("1"))
    cells.run("%%flow etl --with box as b --run\nu = use(b)", "a")
    cells.run("before = None; before = everything()")
    cells.fail(f"%%resource box\n{body}")
    assert cells.value("before == everything()")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("%%resource box\nmade = 1", "has no yield of its own and no class"),
        ("%%resource box\nyield 1\nyield 2", "yields twice (line 3 of the cell)"),
        ("%%resource box\nfor x in (1, 2):\n    yield x", "yields in a loop (line 3 of the cell)"),
        ("%%resource box\nyield from (1,)", "has `yield from`"),
        ("%%resource box\nclass Box:\n    def setup(self): pass", "without cleanup"),
        (
            "%%resource box\nclass Box:\n    def cleanup(self): pass",
            "cleanup must take the resource",
        ),
        ("%%resource box\nreturn 1\nyield 2", "returns (line 2 of the cell)"),
        ("%%resource box(n)\nclass Box:\n    def cleanup(self, r): pass", "by __init__"),
        ("%%resource box\nawait x\nclass Box:\n    def cleanup(self, r): pass", "await"),
        ("%%resource 2box\nyield 1", "'2box' is no name for a resource: use an identifier"),
        ("%%resource class\nyield 1", "is no name for a resource"),
        (
            "%%resource number\nyield 1",
            "the variable 'number' holds a value of type FunctionTask; choose another",
        ),
        ("%%resource\nyield 1", "the resource's name is missing"),
        ("%%resource box --ttl soon\nyield 1", "is no value for --ttl"),
        ("%%resource box --tll 2h\nyield 1", "unknown option '--tll'; the nearest is --ttl"),
        ("%%resource box --on never\nyield 1", "one of always, success, failure"),
        ("%%resource box(lease)\nyield 1", "an argument cannot be called 'lease'"),
        ("%%resource box(n, n)\nyield 1", "duplicate argument 'n'"),
    ],
)
def test_bad_definitions(notebook, source, message):
    assert message in notebook.refuse(source)
