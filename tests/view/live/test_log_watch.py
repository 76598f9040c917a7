"""What views that look closely are told of logs; without threads, runs and clocks."""

import json

from hypothesis import given
from hypothesis import strategies as st

from resnb.run.output.log import Log
from resnb.view.live.log_watch import LOG, Looks, Source, Subject
from resnb.view.wire.inspector import Logs
from resnb.wire import fault

LOAD, SAVE = Subject("node", "load"), Subject("node", "save")


class Book:
    """The logs of two tasks."""

    def __init__(self):
        self.logs = {LOAD: Log(), SAVE: Log()}
        self.version = 1
        self.asked = []

    def __call__(self, subject):
        self.asked.append(subject)
        return [Source("log", self.version, self.logs[subject].since)]


class View:
    """What a front end makes of what it is told, in a few lines."""

    def __init__(self, name, subject):
        self.name, self.subject, self.text, self.end = name, subject, "", 0

    def take(self, frame):
        assert frame is None or fault(Logs, frame) == ""
        for one in [] if frame is None else json.loads(json.dumps(frame))["logs"]:
            if one["to"] != self.name or Subject(one["what"], one["id"]) != self.subject:
                continue
            fits = one["since"] is not None and one["since"] == one["start"] == self.end
            self.text = self.text + one["text"] if fits else one["text"]
            self.end = one["end"]


def test_nothing_is_asked_or_told_while_nobody_looks():
    looks, book = Looks(), Book()
    book.logs[LOAD].add("text")
    assert looks.frame(book) is None
    looks.begin("a", LOAD)
    looks.end("a")
    assert looks.frame(book) is None
    assert book.asked == []


def test_two_views_of_different_things_are_told_in_one_frame_each_its_own():
    looks, book = Looks(), Book()
    looks.begin("a", LOAD)
    looks.begin("b", SAVE)
    looks.begin("c", LOAD)
    assert looks.frame(book) is None
    book.logs[LOAD].add("loading\n")
    book.logs[SAVE].add("saving\n")
    views = [View("a", LOAD), View("b", SAVE), View("c", LOAD)]
    book.asked.clear()
    frame = looks.frame(book)
    assert sorted(one.label for one in book.asked) == ["load", "save"]
    for view in views:
        view.take(frame)
    assert [view.text for view in views] == ["loading\n", "saving\n", "loading\n"]
    assert looks.frame(book) is None


def test_asking_again_tells_nothing_twice_and_looking_anew_tells_all():
    looks, book = Looks(), Book()
    book.logs[LOAD].add("one")
    looks.begin("a", LOAD)
    assert looks.frame(book)["logs"][0]["text"] == "one"
    looks.begin("a", LOAD)
    assert looks.frame(book) is None
    looks.begin("a", SAVE)
    looks.begin("a", LOAD)
    assert looks.frame(book)["logs"][0]["text"] == "one"


def test_the_log_of_another_run_takes_the_place_of_the_old_one():
    looks, book = Looks(), Book()
    looks.begin("a", LOAD)
    view = View("a", LOAD)
    book.logs[LOAD].add("of the first run")
    view.take(looks.frame(book))
    book.logs[LOAD], book.version = Log(), 2
    view.take(looks.frame(book))
    assert view.text == ""
    assert looks.frame(book) is None
    book.logs[LOAD].add("of the second")
    view.take(looks.frame(book))
    assert view.text == "of the second"


def test_of_much_that_was_added_the_end_is_told():
    looks, book = Looks(), Book()
    looks.begin("a", LOAD)
    book.logs[LOAD].add("x" * LOG + "the end")
    [told] = looks.frame(book)["logs"]
    assert (told["since"], told["start"], told["end"]) == (0, 7, LOG + 7)
    assert told["text"].endswith("xthe end")
    assert len(told["text"]) == LOG


def test_a_view_that_is_gone_is_told_nothing():
    looks, book = Looks(), Book()
    looks.begin("a", LOAD)
    looks.begin("b", LOAD)
    looks.keep(["b"])
    book.logs[LOAD].add("text")
    assert [one["to"] for one in looks.frame(book)["logs"]] == ["b"]
    assert looks.at(SAVE) == {}
    assert looks.at() == looks.at(LOAD) == {"b": LOAD}


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("print"), st.sampled_from([LOAD, SAVE]), st.text("ab\n", max_size=8)),
            st.tuples(st.just("look"), st.sampled_from("ab"), st.sampled_from([LOAD, SAVE])),
            st.tuples(st.just("tick"), st.none(), st.none()),
        )
    )
)
def test_every_view_has_the_whole_log_of_what_it_looks_at(steps):
    looks, book, views = Looks(), Book(), {}
    for what, one, other in [*steps, ("tick", None, None)]:
        if what == "print":
            book.logs[one].add(other)
        elif what == "look":
            looks.begin(one, other)
            if one not in views or views[one].subject != other:
                views[one] = View(one, other)
        else:
            frame = looks.frame(book)
            for view in views.values():
                view.take(frame)
            for view in views.values():
                assert view.text == book.logs[view.subject].since().text
