"""A small flow, its tasks and a resource, for tests of a flow's structure."""

from resnb import Flow, Parameter, Task, resource_manager, task


@resource_manager
class Thing:
    def cleanup(self, resource): ...


@task
def source():
    return 1


class Step(Task):
    def run(self, x, y=0):
        return x, y


def diamond():
    """A flow with one task on top, two below it, and one below these and parameter n."""
    #      .-> left --.
    # top -+          +-> bottom <- n
    #      `-> right -'
    flow = Flow("f")
    with flow:
        flow.top = source(task_args={"name": "top", "tags": ["a", "b"]})
        flow.left = Step(name="left", tags=["a"])(flow.top)
        flow.right = Step(name="right")(flow.top)
        flow.n = Parameter("n", tags=["a"])
        flow.bottom = Step(name="bottom")(flow.left, upstream_tasks=[flow.right, flow.n])
    return flow
