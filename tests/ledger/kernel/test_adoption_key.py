"""What a kept lease is recognised by."""

import pytest

from resnb.ledger.kernel.adoption import adoption_key


class Body:
    def __init__(self, source):
        self.source = source


def generator(source):
    def one():
        yield

    one.__resnb_body__ = Body(source)
    return one


class Manager:
    pass


def key(name="flow/x", definition=Manager, args=(), **kwargs):
    return adoption_key(name, definition, args, kwargs)


def test_the_same_use_has_the_same_key_whatever_the_order_of_its_arguments():
    assert key(args=(1,), a="x", b=None) == key(args=(1,), b=None, a="x")


@pytest.mark.parametrize(
    "other",
    [
        {"name": "flow/y"},
        {"definition": Body},
        {"args": (2,)},
        {"args": (1, 2)},
        {"args": (1,), "a": 1},
    ],
)
def test_another_use_has_another_key(other):
    assert key(**other) != key(args=(1,))


def test_two_bodies_of_cells_have_different_keys():
    assert key(definition=generator("yield 1")) == key(definition=generator("yield 1"))
    assert key(definition=generator("yield 1")) != key(definition=generator("yield 2"))


def test_another_folder_has_another_key(tmp_path, monkeypatch):
    here = key()
    monkeypatch.chdir(tmp_path)
    assert key() != here


def test_what_does_not_pickle_has_no_key():
    assert not key(args=(open,), lock=__import__("threading").Lock())
