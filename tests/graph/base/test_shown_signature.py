"""What help and tooltips show of tasks and resource managers: what the user's code takes."""

import inspect

from resnb import Task, resource, resource_manager, task


class Load(Task):
    def run(self, path, *, rows=3):
        pass


@task
def clean(data: list, least=2):
    pass


@resource_manager
class Cluster:
    def __init__(self, workers, threads=1):
        pass

    def cleanup(self, resource):
        pass


@resource
def database(url, user="me", *, lease):
    yield url


def test_the_signature_is_that_of_the_users_code():
    assert str(inspect.signature(Load())) == "(path, *, rows=3)"
    assert str(inspect.signature(clean)) == "(data: list, least=2)"
    assert str(inspect.signature(Cluster)) == "(workers, threads=1)"
    assert str(inspect.signature(database)) == "(url, user='me')"


def test_a_class_keeps_its_own():
    assert "name" in str(inspect.signature(Load))
    assert "definition" in str(inspect.signature(type(Cluster)))
