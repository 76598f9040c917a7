"""What is wrong with a message, said by its type."""

from typing import Annotated, Literal, NamedTuple, NotRequired, TypedDict

import pytest

from resnb.wire import OneOf, fault


class Place(NamedTuple):
    x: float
    y: float


class Item(TypedDict):
    name: str
    place: Place
    note: NotRequired[str]


class Put(TypedDict):
    do: Literal["put", "move"]
    items: list[Item]
    sizes: dict[str, int]
    colour: Annotated[str, OneOf(("red", "blue"))] | None


class Stop(TypedDict):
    do: Literal["stop"]
    at_once: bool


GOOD = {
    "do": "put",
    "items": [{"name": "a", "place": [1, 2.5], "more": 3}, {"name": "b", "place": (0, 0), "note": ""}],
    "sizes": {"a": 3},
    "colour": None,
}  # fmt: skip


def but(**changes):
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}


def test_a_message_of_its_type_has_no_fault():
    assert fault(Put | Stop, GOOD) == ""
    assert fault(Put | Stop, but(colour="red", do="move", items=[])) == ""
    assert fault(Put | Stop, {"do": "stop", "at_once": True}) == ""


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (but(do="lift"), "the message has none of its forms"),
        (but(do=["put"]), "the message has none of its forms"),
        ([], "the message has none of its forms"),
        (but(items=...), "items is missing"),
        (but(items={}), "items is no list"),
        (but(items=[3]), "items[0] is no table"),
        (but(items=[{"name": "a"}]), "items[0].place is missing"),
        (but(items=[{"name": 1, "place": [1, 2]}]), "items[0].name is no text"),
        (but(items=[{"name": "a", "place": [1]}]), "items[0].place is no list of 2"),
        (but(items=[{"name": "a", "place": [1, True]}]), "items[0].place[1] is no number"),
        (but(items=[{"name": "a", "place": [1, 2], "note": 3}]), "items[0].note is no text"),
        (but(sizes={"a": 1.5}), "sizes.a is no whole number"),
        (but(sizes=[]), "sizes is no table"),
        (but(colour="green"), "colour is none of red, blue"),
        ({"do": "stop", "at_once": 1}, "at_once is no truth value"),
    ],
)
def test_the_first_fault_is_named_with_its_place(message, expected):
    assert fault(Put | Stop, message) == expected
