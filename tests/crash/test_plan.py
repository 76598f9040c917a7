"""Which trials a run consists of."""

from collections import Counter

from benchmarks.crash.cells import MOMENTS
from benchmarks.crash.ends import ENDS
from benchmarks.crash.kinds import KINDS
from benchmarks.crash.plan import sample, whole, without
from benchmarks.crash.process_ends import PROCESS_ENDS


def test_every_end_and_moment_is_tried_often_enough():
    found = Counter((one.end, one.moment) for one in whole(trials=12, seed=1))
    assert set(found) == {(end, moment) for end in ENDS for moment in MOMENTS}
    assert min(found.values()) >= 12


def test_what_outlives_a_container_is_made_outside_it():
    for one in whole(trials=1, seed=1):
        assert ENDS[one.end].is_whole == KINDS[one.kind].outside, one


def test_ends_and_kinds_that_do_not_fit_are_no_trials():
    assert whole(trials=1, seed=1, ends=["SIGKILL"], kinds=["outside"]) == []


def test_a_long_clean_up_is_ended_at_any_time_of_it():
    offsets = [
        one.offset()
        for one in whole(trials=20, seed=1, ends=["container stopped: 20 s then sweep"])
        if one.moment == "cleanup"
    ]
    assert max(offsets) > 10.0


def test_the_sample_has_each_end_of_a_process_once():
    assert [one.end for one in sample(seed=1)] == list(PROCESS_ENDS)


def test_what_is_done_is_not_done_again():
    specs = whole(trials=1, seed=1)
    assert without({specs[0].name}, specs) == specs[1:]
