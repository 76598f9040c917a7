"""What views that look closely are told of logs; without threads, runs and clocks."""

import json

from hypothesis import given
from hypothesis import strategies as st

from resnb.run.output.log import Log
from resnb.view.live.log_watch import LOG, Inspections, LogSource, Subject
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
        return [LogSource("log", self.version, self.logs[subject].since)]


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
    inspections, book = Inspections(), Book()
    book.logs[LOAD].add("text")
    assert inspections.frame(book) is None
    inspections.begin("a", LOAD)
    inspections.end("a")
    assert inspections.frame(book) is None
    assert book.asked == []


def test_two_views_of_different_things_are_told_in_one_frame_each_its_own():
    inspections, book = Inspections(), Book()
    inspections.begin("a", LOAD)
    inspections.begin("b", SAVE)
    inspections.begin("c", LOAD)
    assert inspections.frame(book) is None
    book.logs[LOAD].add("loading\n")
    book.logs[SAVE].add("saving\n")
    views = [View("a", LOAD), View("b", SAVE), View("c", LOAD)]
    book.asked.clear()
    frame = inspections.frame(book)
    assert sorted(one.label for one in book.asked) == ["load", "save"]
    for view in views:
        view.take(frame)
    assert [view.text for view in views] == ["loading\n", "saving\n", "loading\n"]
    assert inspections.frame(book) is None


def test_asking_again_tells_nothing_twice_and_looking_anew_tells_all():
    inspections, book = Inspections(), Book()
    book.logs[LOAD].add("one")
    inspections.begin("a", LOAD)
    assert inspections.frame(book)["logs"][0]["text"] == "one"
    inspections.begin("a", LOAD)
    assert inspections.frame(book) is None
    inspections.begin("a", SAVE)
    inspections.begin("a", LOAD)
    assert inspections.frame(book)["logs"][0]["text"] == "one"


def test_the_log_of_another_run_takes_the_place_of_the_old_one():
    inspections, book = Inspections(), Book()
    inspections.begin("a", LOAD)
    view = View("a", LOAD)
    book.logs[LOAD].add("of the first run")
    view.take(inspections.frame(book))
    book.logs[LOAD], book.version = Log(), 2
    view.take(inspections.frame(book))
    assert view.text == ""
    assert inspections.frame(book) is None
    book.logs[LOAD].add("of the second")
    view.take(inspections.frame(book))
    assert view.text == "of the second"


def test_of_much_that_was_added_the_end_is_told():
    inspections, book = Inspections(), Book()
    inspections.begin("a", LOAD)
    book.logs[LOAD].add("x" * LOG + "the end")
    [told] = inspections.frame(book)["logs"]
    assert (told["since"], told["start"], told["end"]) == (0, 7, LOG + 7)
    assert told["text"].endswith("xthe end")
    assert len(told["text"]) == LOG


def test_a_view_that_is_gone_is_told_nothing():
    inspections, book = Inspections(), Book()
    inspections.begin("a", LOAD)
    inspections.begin("b", LOAD)
    inspections.keep(["b"])
    book.logs[LOAD].add("text")
    assert [one["to"] for one in inspections.frame(book)["logs"]] == ["b"]
    assert inspections.at(SAVE) == {}
    assert inspections.at() == inspections.at(LOAD) == {"b": LOAD}


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
    inspections, book, views = Inspections(), Book(), {}
    for what, one, other in [*steps, ("tick", None, None)]:
        if what == "print":
            book.logs[one].add(other)
        elif what == "look":
            inspections.begin(one, other)
            if one not in views or views[one].subject != other:
                views[one] = View(one, other)
        else:
            frame = inspections.frame(book)
            for view in views.values():
                view.take(frame)
            for view in views.values():
                assert view.text == book.logs[view.subject].since().text
