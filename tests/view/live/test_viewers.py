"""Which views are open, without clocks."""

from hypothesis import given
from hypothesis import strategies as st

from resnb.view.live.viewers import MOST, SILENCE, Viewers


def test_a_view_that_is_silent_for_too_long_is_forgotten_and_may_come_back():
    views = Viewers()
    assert views.heard("a", 0.0)
    assert views.heard("b", 0.0)
    assert not views.heard("a", SILENCE)
    views.forget(SILENCE, is_deaf=False)
    assert list(views) == ["a", "b"]
    views.forget(SILENCE + 1, is_deaf=False)
    assert list(views) == ["a"]
    assert views.heard("b", SILENCE + 2)


def test_silence_does_not_count_while_what_views_say_is_held_back():
    views = Viewers()
    views.heard("a", 0.0)
    views.forget(10 * SILENCE, is_deaf=True)
    views.forget(11 * SILENCE, is_deaf=False)
    assert list(views) == ["a"]
    views.forget(11 * SILENCE + 1, is_deaf=False)
    assert not views


def test_views_that_another_flow_had_have_their_time():
    views = Viewers(["a"])
    views.forget(1_000.0, is_deaf=False)
    views.forget(1_000.0 + SILENCE, is_deaf=False)
    assert list(views) == ["a"]


def test_a_view_that_was_closed_is_gone():
    views = Viewers(["a"])
    views.closed("a")
    views.closed("a")
    assert not views


@given(st.lists(st.tuples(st.sampled_from(["heard", "closed", "forget"]), st.integers(0, 90))))
def test_there_are_never_too_many_and_those_that_speak_are_there(steps):
    views, now = Viewers(), 0.0
    for what, which in steps:
        now += which
        if what == "heard":
            views.heard(str(which), now)
            assert str(which) in list(views)
        elif what == "closed":
            views.closed(str(which))
        else:
            views.forget(now, is_deaf=False)
        assert len(views) <= MOST


def test_the_one_that_was_heard_longest_ago_makes_room():
    views = Viewers()
    for number in range(MOST + 1):
        views.heard(str(number), float(number))
    assert len(views) == MOST
    assert "0" not in list(views)
