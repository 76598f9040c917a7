"""A task that forks: the child ends where its code ends, and touches nothing of the run."""

import pytest

from tests.run.scripts import done

ENDS = {
    "sys.exit(3)": 3,
    "sys.exit()": 0,
    "return 1": 0,
    "raise ValueError": 1,
    "os._exit(5)": 5,
}
RUNS = ["flow.run()", "flow.run(executor=LocalExecutor())", "flow.start().wait()"]
PLACES = ["task", "setup", "async task"]


@pytest.mark.sample(12)
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("place", PLACES)
def test_the_child_ends_and_the_parent_goes_on(place, end, run):
    inside, here = ("setup", "") if place == "setup" else ("", "async " * (place != "task"))
    out, _, code = done(f"""
def forks():
    child = os.fork()
    if not child:
        {end}
    say("child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

@resource_manager
class Forking(Thing.resource_class):
    def setup(self):
        {"return forks()" if inside else "pass"}
    def cleanup(self, resource):
        say("cleanup")

@task
{here}def first():
    {"pass" if inside else "return forks()"}

@task
def second(value):
    say("second")

with Flow("f") as flow, Forking():
    second(first())
state = {run}
say(state.is_successful())
""")
    assert out == [f"child ended with {ENDS[end]}", "second", "cleanup", "True"]
    assert code == 0
