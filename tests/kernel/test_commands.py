"""``%flow`` and ``%resources``, ``.value`` and ``.state``, completion, help, loading."""

import pytest

from tests.kernel.client import wait_for


def test_the_list_of_flows(cells):
    assert cells.run("%flow").stdout == "no flows yet: build one with %%flow NAME\n"
    cells.run("%%flow one --with Cluster(2) as c --run\nu = use(c)", "a")
    cells.run("%%flow two\nx = number(1)\ny = double(x)", "b")
    assert cells.run("%flow").stdout == (
        "one: 1 task, success, 1 open scope\ntwo: 2 tasks, not run yet\n"
    )


def test_a_flow_of_python_is_listed_too(cells):
    cells.run("with Flow('mine') as flow: number(1)")
    assert cells.run("%flow").stdout == "mine: 1 task, not run yet\n"
    cells.run("%flow run mine")


def test_a_flow_of_python_that_was_defined_anew_is_the_new_one(notebook):
    notebook.run("with Flow('mine') as flow: number(1)")
    notebook.run("flow")  # IPython remembers it as an output
    notebook.run("with Flow('mine') as flow: double(1)")
    assert "double" in notebook.run("%flow mine").texts


def test_the_list_says_how_many_failed(cells):
    cells.run("%%flow etl --quiet\nx = number(1)\ny = boom()\nz = double(y)", "a")
    cells.fail("%flow run etl")
    assert cells.run("%flow").stdout == ("etl: 3 tasks, 1 of 3 failed, 1 done, 1 trigger failed\n")


def test_show_one(cells):
    cells.run("%%flow etl --quiet\nx = number(1)", "a")
    shown = cells.run("%flow etl")
    assert shown.texts == "etl · not run yet\n○ number"
    assert "image/png" in shown.displays[0]


def test_run_shows_the_flow_and_its_values(cells):
    cells.run("%%flow etl(n=1) --quiet\nx = number(n)", "a")
    shown = cells.run("%flow run etl n=1 + 1")
    assert shown.texts == "etl · success\nparameters: n=2\n✓ number ← n"
    assert cells.value("x.value") == 2


def test_plan(cells):
    cells.run("%%flow etl --with Cluster(2) as c\nx = number(1)\ny = use(c, x)", "a")
    shown = cells.run("%flow plan etl")
    assert shown.stdout == (
        "Plan of etl: 2 tasks, 1 resource\n"
        "1  ┌ set up c = Cluster\n"
        "2  │ number\n"
        "3  │ use\n"
        "4  └ clean up c\n"
        "c: if the kernel dies during set-up this may leak: define find(lease_id), or call self.lease.record(handle) early\n"
    )
    assert cells.value("since()") == []
    cells.run("%%flow etl --with c --run\nz = number(2)", "b")
    assert "use c = Cluster, which is open" in cells.run("%flow plan etl").stdout


def test_cancel_a_run_in_the_background(notebook):
    notebook.run(
        """
        begun = threading.Event()
        @task
        def loop(c):
            begun.set()
            while True: pass
        """
    )
    notebook.run("%%flow etl --with Cluster(2) as c\nx = loop(c)\ny = use(c, x)", "a")
    notebook.run("run = etl.start(); begun.wait(60)")
    shown = notebook.run("%flow cancel etl")
    assert shown.stdout == "flow 'etl': cancelling; its scopes are being cleaned up\n"
    notebook.run("run.wait(60)")
    assert notebook.value("run.state.name, since(), alive()") == (
        "Cancelled",
        ["set up 2", "clean up 2"],
        [],
    )
    assert notebook.value("x.state.name, y.state.name") == ("Cancelled", "Cancelled")


def test_close_cleans_up_the_open_scopes(cells):
    cells.run("%%flow etl --with Cluster(2) as c --with Store as s --run\nu = use(c)", "a")
    cells.run("since()")
    shown = cells.run("%flow close etl")
    assert shown.stdout == "cleaned up etl/c\ncleaned up etl/s\n"
    assert cells.value("since(), alive()") == (["clean up store", "clean up 2"], [])
    assert cells.run("%flow close etl").stdout == "nothing is open\n"


def test_no_name_and_no_reason_can_steer_the_terminal(cells):
    cells.run(
        r"""
        evil = "a\x1b[2J\x1b]0;owned\x07\u202eb"
        @resource_manager(name=evil, lifetime="kernel")
        class Evil:
            def cleanup(self, resource):
                if stuck:
                    raise OSError(evil)
        stuck = True
        with Flow(evil) as flow, Evil():
            number()
        flow.run()
        """
    )
    spelled = r"a\x1b[2J\x1b]0;owned\x07\u202eb"
    shown = [cells.run("%resources"), cells.run("%resources --all"), cells.run("%flow")]
    shown += [cells.fail("%resources cleanup"), cells.fail("%resources cleanup nobody")]
    cells.run("stuck = False")
    shown.append(cells.run("%resources cleanup"))
    for one in shown:
        text = f"{one.stdout}{one.stderr}{one.message}"
        assert spelled in text
        assert text.replace("\n", "").isprintable(), text


def test_close_says_what_was_not_cleaned_up(cells):
    cells.run(
        """
        @resource_manager
        class Sticky:
            def cleanup(self, resource):
                raise OSError("stuck")
        """
    )
    cells.run("%%flow etl --with Sticky as s --with Store as t --run\nu = number()", "a")
    shown = cells.fail("%flow close etl")
    assert shown.stdout == "cleaned up etl/t\n"
    assert shown.error == "CleanupError"
    assert shown.message.startswith("not cleaned up: etl/s: OSError: stuck")


def test_what_was_not_cleaned_up_stays_listed_and_can_be_cleaned_up_again(cells):
    cells.run(
        """
        ready = []
        @resource_manager
        class Sticky:
            def setup(self): return "a thing"
            def cleanup(self, resource):
                if not ready: raise OSError("stuck")
                print("put away", resource)
        """
    )
    cells.run("%%flow etl --with Sticky as s --run\nu = number()", "a")
    cells.fail("%flow close etl")
    assert cells.run("%resources").stdout == "etl/s  failed  OSError: stuck\n"
    cells.run("ready.append(1)")
    shown = cells.run("%resources cleanup etl/s")
    assert shown.stdout == "put away a thing\ncleaned up etl/s\n"
    assert cells.run("%resources").stdout == "no resources are open\n"


def test_a_clean_up_that_hangs_is_waited_for_no_longer_than_it_may_take(notebook):
    notebook.run(
        """
        go = threading.Event()

        @resource_manager(cleanup_timeout=0.2)
        class Stuck:
            def cleanup(self, resource): go.wait(60)
        """
    )
    notebook.run("%%flow etl --with Stuck as s --run\nu = number()", "a")
    shown = notebook.fail("%flow close etl")
    assert shown.message == "not cleaned up: etl/s: its clean-up is still running"
    assert notebook.run("%resources").stdout == "etl/s  closing\n"
    notebook.run("go.set()")
    wait_for(lambda: notebook.value("alive()") == [], "the clean-up")


def test_resources_lists_what_is_alive_here(cells):
    assert cells.run("%resources").stdout == "no resources are open\n"
    cells.run("%%flow etl --with Cluster(2) as cluster --with Store as s --run\nu = number()", "a")
    assert cells.run("%resources").stdout == "etl/cluster  open\netl/s        open\n"


def test_cleanup_of_one_takes_what_depends_on_it_along(cells):
    cells.run("%%flow etl --with Cluster(2) as c --with Store as s --run\nu = number()", "a")
    cells.run("since()")
    cells.run("%resources cleanup etl/c")
    assert cells.value("since(), alive()") == (["clean up store", "clean up 2"], [])


def test_cleanup_of_an_inner_one_leaves_the_outer_one(cells):
    cells.run("%%flow etl --with Cluster(2) as c --with Store as s --run\nu = number()", "a")
    cells.run("since()")
    assert cells.run("%resources cleanup etl/s").stdout == "cleaned up etl/s\n"
    assert cells.value("since(), alive()") == (["clean up store"], ["etl/c open"])


def test_cleanup_in_use_is_refused(notebook):
    notebook.run("go = threading.Event()\n@task\ndef wait(c): go.wait()")
    notebook.run("%%flow etl --with Cluster(2) as c --run\nu = use(c)", "a")
    notebook.run("%%flow etl --with c\nv = wait(c)", "b")
    notebook.run("run = etl.start()")
    for line in ("%resources cleanup etl/c", "%resources cleanup"):
        shown = notebook.fail(line)
        assert shown.message == "etl/c: in use by a run; cancel it first"
    assert "its scopes are in use; cancel it first" in notebook.fail("%flow close etl").message
    notebook.run("go.set(); run.wait()")


def test_cleanup_of_a_kernel_wide_resource_in_use_is_refused(notebook):
    notebook.run("go = threading.Event()\n@task\ndef wait(c): go.wait()")
    notebook.run("Wide = Cluster.options(lifetime='kernel')")
    notebook.run("%%flow etl --with Wide as w\nv = wait(w)", "a")
    notebook.run("run = etl.start()")
    wait_for(lambda: notebook.value("alive()") == ["kernel/w open"], "the resource")
    assert "kernel/w: in use" in notebook.fail("%resources cleanup kernel/w").message
    notebook.run("go.set(); run.wait()")
    notebook.run("%resources cleanup kernel/w")
    assert notebook.value("alive()") == []


# ---- handles


def test_a_value_that_is_not_there_says_how_to_get_it(notebook):
    notebook.run(
        "%%flow etl --with Cluster(2) as c\nx = number(1)\ny = boom(x)\nz = double(y)", "a"
    )
    assert notebook.fail("x.value").message == (
        "task 'number' has no value yet: run the flow (%flow run etl, or flow.run())"
    )
    assert notebook.fail("c.value").error == "NoValueError"
    notebook.fail("%flow run etl")
    assert notebook.value("x.value") == 1
    assert notebook.fail("y.value").message == (
        "task 'boom' has no value: it failed (ValueError: no luck)"
    )
    assert "--with Cluster" in notebook.fail("c.value").message
    assert "TriggerFailed" in notebook.value("repr(z.state)")


def test_representations_hold_no_address(notebook):
    notebook.run("%%flow etl --with Cluster(2) as c --run\nx = number(1)", "a")
    texts = notebook.value("[repr(one) for one in (etl, x, c, x.state, Cluster)]")
    notebook.run("run = etl.start()")
    texts.append(notebook.value("repr(run)"))
    notebook.run("run.wait()")
    assert texts[:3] == [
        "<Flow: 'etl', 4 tasks>",
        "<handle of task 'number' of flow 'etl', success: its value is .value>",
        "<handle of resource 'c' of flow 'etl', open: its value is .value>",
    ]
    assert not [one for one in texts if "0x" in one]


# ---- completion and help


def test_completion(notebook):
    notebook.run("%%flow my-etl(size=1) --with Cluster(2) as c --run\nx = number(1)", "a")
    notebook.run("%%flow other\nx = number(1)", "b")
    complete = notebook.kernel.complete
    assert complete("%%flow m") == ["%%flow my-etl"]
    assert complete("%flow o") == ["%flow other"]
    assert complete("%flow p") == ["%flow plan"]
    assert set(complete("%flow run ")) == {"%flow run my-etl", "%flow run other"}
    assert complete("%flow run my-etl s") == ["%flow run my-etl size="]
    assert set(complete("%flow remove my-etl ")) >= {"%flow remove my-etl size"}
    assert set(complete("%%flow etl --with C")) == {"%%flow etl --with Cluster"}
    assert complete("%%flow etl --ru") == ["%%flow etl --run"]
    assert "%%flow etl --with" in complete("%%flow etl -")
    assert complete("%%resource box --t") == ["%%resource box --ttl"]
    assert set(complete("%resources c")) == {"%resources cleanup", "%resources close"}
    assert complete("%resources open C") == ["%resources open Cluster"]
    assert complete("%resources open Cluster --idl") == ["%resources open Cluster --idle-timeout"]
    assert "%resources open folder" in complete("%resources open fol")
    notebook.run("%resources open Cluster(2) as held")
    assert complete("%resources close h") == ["%resources close held"]
    assert complete("%%flow etl --with h") == ["%%flow etl --with held"]
    assert complete("%resources cleanup my") == ["%resources cleanup my-etl/c"]


@pytest.mark.long
def test_completion_of_python_inside_a_body_is_left_alone(notebook):
    notebook.run("%%flow etl\nx = number(1)", "a")
    assert "%%flow etl\nhappened.app" in notebook.kernel.complete("%%flow etl\nhappened.app")[0]
    assert notebook.kernel.complete("%%flow etl\ny = numb")[0] == "%%flow etl\ny = number"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "%%flow?",
            ["Build the cell's body into the flow NAME", "--with RESOURCE[(args)] [as VAR]"],
        ),
        ("%flow?", ["Show and run flows", "%flow plan NAME"]),
        ("%%resource?", ["Define a resource from the cell", "--cleanup-timeout DURATION"]),
        ("%resources?", ["what is alive in this kernel", "cleanup [NAME]"]),
    ],
)
def test_help(notebook, line, words):
    shown = notebook.kernel.run(line)
    assert all(word in shown.help for word in words)


def test_help_in_the_front_ends_tooltip(notebook):
    assert "what is alive" in notebook.kernel.inspect("%resources")


# ---- loading


def test_loading_prints_nothing_and_works_twice(notebook):
    notebook.run("%unload_ext resnb")
    shown = notebook.run("%load_ext resnb")
    assert not shown.stdout + shown.stderr + shown.texts
    notebook.run("%load_ext resnb")
    notebook.run("%%flow etl\nx = number(1)", "a")
    notebook.run("import resnb; resnb.load_ipython_extension(get_ipython())")
    notebook.run("%%flow etl\nx = number(2)", "a")
    assert notebook.value("names(etl)") == ["number"]


def test_reloading_keeps_the_flows(notebook):
    notebook.run("%%flow etl --with Cluster(2) as c --run\nx = number(1)", "a")
    shown = notebook.run("%reload_ext resnb")
    assert not shown.stdout + shown.stderr + shown.texts
    notebook.run("%%flow etl --with c\nx = number(2)", "a")
    assert notebook.value("names(etl), alive()") == (["number"], ["etl/c open"])


def test_unloading_takes_the_magics_away(notebook):
    notebook.run("%%flow etl --with Cluster(2) as c --run\nx = number(1)", "a")
    notebook.run("%unload_ext resnb")
    assert "`%%flow` not found" in notebook.fail("%%flow etl\nx = number(1)").stderr
    assert "`%resources` not found" in notebook.fail("%resources").stderr
    assert notebook.value("alive()") == ["etl/c open"]
    assert "%%flow etl" not in notebook.kernel.complete("%%flow e")
    notebook.run("%load_ext resnb")
