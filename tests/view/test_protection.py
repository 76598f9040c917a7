"""The marks of scopes: which are known before the first use, and how they are told."""

import threading
from contextlib import contextmanager

import pytest

from resnb import Flow, resource
from resnb.ledger.recipes.recipe import Protection
from resnb.view.plan import plan_text
from resnb.view.protection import protection_text
from resnb.view.snapshot import snapshot
from resnb.view.text import flow_text

LOCK = threading.Lock()


class Plain:
    def setup(self): ...
    def cleanup(self, resource): ...


class Found(Plain):
    def find(self, lease_id): ...


class Handled(Found):
    def handle(self, resource): ...


class OfKernel(Plain):
    dies_with_kernel = True


def split():
    one = object()
    yield one
    str(one)


def with_nothing_to_keep(path=None):
    yield path
    str(path)


def with_lease(*, lease):
    def find(lease_id):
        return lease_id

    yield 1
    str(lease)


def with_find_of_what_is_made(*, lease):
    client = object()

    def find(lease_id):
        return client

    yield 1


def in_a_block():
    with LOCK:
        yield 1


def of_notebook():
    namespace = {"__name__": "__main__", "lock": LOCK}
    exec("class Machine:\n    def cleanup(self, resource): print(lock)", namespace)
    return namespace["Machine"]


NO_FIND = "if the kernel dies during set-up this may leak: define find(lease_id), or call self.lease.record(handle) early"
LIVES = "unprotected: its clean-up lives in the kernel, because "
MARKS = [
    (Plain, NO_FIND),
    (Found, "protected during set-up; then known once open"),
    (Handled, "protected"),
    (OfKernel, "protected"),
    (split, NO_FIND),
    (with_nothing_to_keep, NO_FIND),
    (with_lease, "protected"),
    (
        with_find_of_what_is_made,
        "if the kernel dies during set-up this may leak: find uses 'client', which set-up makes",
    ),
    (in_a_block, f"{LIVES}the yield is part of a `with` block"),
    (contextmanager(in_a_block), f"{LIVES}it is a context manager"),
    (
        of_notebook(),
        "unprotected: name 'lock' (lock) does not pickle: TypeError: cannot pickle '_thread.lock' object",
    ),
]


@pytest.mark.parametrize(("definition", "mark"), MARKS, ids=map(str, range(len(MARKS))))
def test_what_is_known_before_the_first_use(definition, mark):
    with Flow("f") as flow, resource(definition).use((), {}, name="machine"):
        pass
    assert plan_text(flow).splitlines()[-1] == f"machine: {mark}"


@pytest.mark.parametrize(
    ("protection", "text"),
    [
        (Protection(), "protected"),
        (Protection("a", ""), "if the kernel dies during set-up this may leak: a"),
        (Protection("", "b"), "unprotected once open: b"),
        (Protection("a", "a"), "unprotected: a"),
        (
            Protection("a", "b"),
            "if the kernel dies during set-up this may leak: a; unprotected once open: b",
        ),
        (Protection("", "", checking=True), "checking"),
        (
            Protection("a", "", checking=True),
            "if the kernel dies during set-up this may leak: a; checking",
        ),
        (Protection("", "b", checking=True), "unprotected once open: b"),
    ],
)
def test_marks_in_words(protection, text):
    assert protection_text(protection) == text


def test_the_text_of_a_flow_says_what_is_known_to_be_unprotected():
    with Flow("f") as flow:
        for one in (Plain, in_a_block):
            with resource(one).use((), {}, name=one.__name__):
                pass
    text = flow_text(snapshot(flow))
    assert "┌ Plain\n" in text
    assert "┌ in_a_block · unprotected\n" in text
