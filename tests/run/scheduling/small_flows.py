"""What the flows of these tests are made of: tasks and a scope that do nothing."""

from resnb import resource_manager, task


@resource_manager
class Thing:
    def __init__(self, number=0):
        pass

    def cleanup(self, resource):
        pass


def made(name, **options):
    return task(lambda *_: None, name=name, **options)
