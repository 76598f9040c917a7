"""The reaper's decisions, without processes, clocks or files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnb.ledger import states
from resnb.ledger.owner import ALIVE, DEAD, UNKNOWN
from resnb.ledger.reaper.decisions import (
    AT_ONCE,
    AT_ONCE_OF_KIND,
    CLAIMED_LOOK,
    FENCE_AFTER,
    HELD_TRIES,
    IDLE,
    LOST,
    MARGIN,
    REQUEST,
    TOGETHER,
    TTL,
    Ask,
    Clean,
    Close,
    Fail,
    Keep,
    Rehearse,
    claimed_at,
    decide,
    due,
    end_reason,
    first_look,
    is_still_due,
    look_after,
    pause_after,
)
from resnb.ledger.store.statements import IN_LEDGER
from tests.ledger.records import HERE, KERNEL, REAPER, record

NOW = 2000.0


def decided(*records, kernel=DEAD, reaper=ALIVE, now=NOW, **more):
    status = {KERNEL: kernel, REAPER: reaper}
    return decide(records, liveness=status.__getitem__, now=now, **more)


def kinds(decision):
    return [(type(one), one.record.id) for one in decision.actions]


def test_an_open_lease_of_a_dead_kernel_is_cleaned_up():
    assert kinds(decided(record())) == [(Clean, "a")]


def test_an_open_lease_of_a_living_kernel_is_left_alone():
    decision = decided(record(), kernel=ALIVE)
    assert decision.actions == ()
    assert decision.idle


@pytest.mark.parametrize("state", ["opening", "open", "closing", "failed", "kept"])
def test_what_cannot_be_seen_is_never_touched(state):
    assert decided(record(state=state), kernel=UNKNOWN).actions == ()


def test_what_lives_in_the_kernel_died_with_it():
    one = record(dies_with_kernel=True, handle=None, recipe=b"")
    assert kinds(decided(one)) == [(Close, "a")]


def test_what_may_outlive_its_kernel_for_a_while_is_seen_to():
    assert kinds(decided(record(dies_with_kernel=True, keep=60.0))) == [(Clean, "a")]


def test_recipes_of_open_leases_are_rehearsed_together():
    due = [record(one, rehearsal="due") for one in "abc"]
    other = record("d", rehearsal="due", environment=HERE._replace(folder="/elsewhere"))
    done = record("e", rehearsal="done")
    (action,) = decided(*due, other, done, kernel=ALIVE, rehearsing=False).actions
    assert action == Rehearse(due[0], tuple(due))
    assert decided(*due, kernel=ALIVE, rehearsing=True).actions == ()
    assert decided(*due, kernel=ALIVE).actions == ()  # another reaper does that


def test_few_large_recipes_are_read_for_one_rehearsal():
    large = [record(one, rehearsal="due", recipe=IN_LEDGER) for one in "abc"]
    small = record("d", rehearsal="due")
    (action,) = decided(small, *large, kernel=ALIVE, rehearsing=False).actions
    assert [one.id for one in action.records] == ["d", "a", "b"]


def test_one_recipe_is_rehearsed_by_itself_and_many_by_turns():
    one, *rest = many = [record(f"r{i}", rehearsal="due") for i in range(TOGETHER + 1)]
    (action,) = decided(one, kernel=ALIVE, rehearsing=False).actions
    assert action == Rehearse(one, (one,))
    elsewhere = record("e", rehearsal="due", environment=HERE._replace(folder="/elsewhere"))
    (action,) = decided(one, elsewhere, *rest, kernel=ALIVE, rehearsing=False).actions
    assert action == Rehearse(one, tuple(many[:TOGETHER]))


@pytest.mark.parametrize("kernel", [DEAD, UNKNOWN])
@pytest.mark.parametrize("state", ["opening", "open", "closing", "closed", "failed", "kept"])
def test_nothing_else_is_rehearsed(kernel, state):
    one = record(state=state, rehearsal="due")
    found = decided(one, kernel=kernel, rehearsing=False).actions
    if state != "open":
        found += decided(one, kernel=ALIVE, rehearsing=False).actions
    assert not [action for action in found if isinstance(action, Rehearse)]


@pytest.mark.parametrize(
    ("values", "action"),
    [
        ({"handle": b"recorded"}, Clean),
        ({"handle": None, "can_find": True}, Clean),
        ({"handle": None}, Fail),
    ],
)
def test_a_half_made_thing_needs_a_handle_or_find(values, action):
    assert kinds(decided(record(state="opening", **values))) == [(action, "a")]


def test_what_an_interrupted_set_up_made_is_told_from_what_cannot_be_cleaned_up():
    (untold,) = decided(record(state="opening", handle=None)).actions
    assert untold.reason == f"{states.UNTOLD} (it left no handle)"
    (unable,) = decided(record(state="failed", handle=None)).actions
    assert unable.reason == "cannot be cleaned up from outside its kernel: it left no handle"


def test_a_lease_says_why_the_reaper_has_closed_it():
    assert end_reason(record()) == "cleaned up by the reaper"
    assert end_reason(record(dies_with_kernel=True)) == "died with its kernel"


def test_an_unprotected_lease_says_why_and_is_not_tried_again():
    (fail,) = decided(record(handle=None, unprotected="a Client has no handle")).actions
    assert "a Client has no handle" in fail.reason
    assert decided(record(state="failed", handle=None, reason=fail.reason)).actions == ()


def test_a_claim_of_somebody_alive_is_respected_and_one_of_the_dead_is_not():
    claimed = record(state="closing", claimant=REAPER)
    assert decided(claimed, reaper=ALIVE).actions == ()
    assert kinds(decided(claimed, reaper=DEAD)) == [(Clean, "a")]


def test_dependants_come_first():
    outer, inner = record("outer"), record("inner", around=("outer",))
    assert kinds(decided(outer, inner)) == [(Clean, "inner")]
    assert decided(outer, inner, running={"inner"}).actions == ()
    assert kinds(decided(outer)) == [(Clean, "outer")]


def test_one_that_failed_holds_up_what_it_depends_on_and_nobody_else():
    outer, other = record("outer"), record("other")
    inner = record("inner", around=("outer",), state="failed", tries=1, next_try=NOW + 8)
    assert kinds(decided(outer, inner, other)) == [(Clean, "other")]
    assert kinds(decided(outer, inner, now=NOW + 8)) == [(Clean, "inner")]


@pytest.mark.parametrize("by", ["claimant", "cleaner"])
def test_one_that_another_process_cleans_up_is_waited_for(by):
    outer = record("outer")
    inner = record("inner", around=("outer",), state="closing", **{by: REAPER})
    decision = decided(outer, inner, reaper=ALIVE)
    assert (decision.actions, decision.idle) == ((), False)
    assert decision.look_again == NOW + CLAIMED_LOOK
    assert kinds(decided(outer, inner, reaper=DEAD)) == [(Clean, "inner")]


def test_a_clean_up_that_is_always_cut_short_begins_less_and_less_often():
    cut_short = record(state="closing", tries=1, claimant=REAPER, claim_until=NOW + 60)
    assert kinds(decided(cut_short, reaper=DEAD)) == [(Clean, "a")]
    often = cut_short._replace(tries=HELD_TRIES)
    assert decided(often, reaper=DEAD).look_again == NOW + 60 + pause_after(HELD_TRIES)


def test_a_claim_lapses_although_its_holder_is_there():
    """It is stopped, say, or holds the interpreter lock."""
    for claimant in (KERNEL, REAPER):
        claimed = record(state="closing", claimant=claimant, claim_until=NOW + 65)
        assert decided(claimed, kernel=ALIVE).actions == ()
        assert decided(claimed, kernel=ALIVE).look_again in (NOW + 65, NOW + CLAIMED_LOOK)
        assert kinds(decided(claimed, kernel=ALIVE, now=NOW + 65)) == [(Clean, "a")]


@pytest.mark.parametrize(
    "values", [{"dies_with_kernel": True, "recipe": b""}, {"handle": None, "unprotected": "no"}]
)
def test_the_claim_of_a_kernel_that_alone_can_clean_up_does_not_lapse(values):
    claimed = record(state="closing", claimant=KERNEL, claim_until=NOW, **values)
    decision = decided(claimed, kernel=ALIVE)
    assert (decision.actions, decision.look_again) == ((), None)


def test_a_claimant_that_cannot_be_seen_is_given_its_time():
    claimed = record(state="closing", claimant=REAPER, claim_until=NOW + 65)
    assert decided(claimed, reaper=UNKNOWN).look_again == NOW + 65
    assert kinds(decided(claimed, reaper=UNKNOWN, now=NOW + 65)) == [(Clean, "a")]


def looking(**values):
    return record(
        **{"state": "closing", "handle": None, "can_find": True, "nothing_since": NOW, **values}
    )


def test_what_set_up_may_still_make_is_looked_for_at_growing_intervals():
    assert first_look(looking(nothing_since=None)) == 10.0
    assert first_look(looking(nothing_since=None, find_for=0.2)) == 0.2
    assert first_look(looking()) == 0.0
    quiet, times = 10.0, []
    while (pause := look_after(quiet, 900.0)) is not None:
        quiet += pause
        times.append(quiet)
    assert times == [20, 40, 80, 160, 280, 400, 520, 640, 760, 880, 900]
    assert decided(looking(next_try=NOW + 20)).look_again == NOW + 20


def test_a_look_comes_after_a_second_at_least_unless_it_is_the_last_one():
    assert look_after(0.0, 900.0) == 1.0
    assert look_after(0.0, 0.05) == 0.05
    assert look_after(0.0, 0.04) is None


def test_looking_delays_nobody():
    inner = looking(around=("outer",), next_try=NOW + 20)
    assert kinds(decided(inner, record("outer"))) == [(Clean, "outer")]


def test_nothing_is_kept_without_what_it_depends_on():
    inner = record("inner", keep=60.0, around=("outer",))
    assert kinds(decided(inner, record("outer"))) == [(Clean, "inner")]
    assert kinds(decided(inner, record("outer", keep=60.0))) == [(Keep, "inner"), (Keep, "outer")]
    assert kinds(decided(inner)) == [(Keep, "inner")]


def test_a_dependant_that_has_failed_often_holds_up_nobody():
    outer = record("outer")
    inner = record("inner", around=("outer",), state="failed", tries=HELD_TRIES)
    assert kinds(decided(outer, inner)) == [(Clean, "outer"), (Clean, "inner")]
    later = decided(outer, inner._replace(next_try=NOW + 8))
    assert kinds(later) == [(Clean, "outer")]


def test_a_kind_has_fewer():
    many = [record(f"r{i}", kind="box") for i in range(AT_ONCE)]
    others = [record(f"s{i}") for i in range(AT_ONCE)]
    chosen = decided(*many, *others).actions
    assert len(chosen) == AT_ONCE
    assert sum(one.record.kind == "box" for one in chosen) == AT_ONCE_OF_KIND
    running = {f"r{i}" for i in range(AT_ONCE_OF_KIND)}
    assert decided(*many, running=running).actions == ()


def test_they_are_bounded_by_what_there_is_room_for():
    assert len(decided(*(record(f"r{i}") for i in range(AT_ONCE)), at_once=3).actions) == 3


def test_a_few_at_a_time():
    many = [record(f"r{i}") for i in range(3 * AT_ONCE)]
    assert len(decided(*many).actions) == AT_ONCE
    assert len(decided(*many, running={"r0", "r1"}).actions) == AT_ONCE - 2


def test_a_failed_clean_up_is_tried_again_after_a_pause():
    failed = record(state="failed", tries=1, next_try=NOW + 8)
    decision = decided(failed)
    assert decision.actions == ()
    assert decision.look_again == NOW + 8
    assert not decision.idle
    assert kinds(decided(failed, now=NOW + 8)) == [(Clean, "a")]


def test_it_is_never_given_up():
    assert kinds(decided(record(state="failed", tries=1000))) == [(Clean, "a")]


def test_pauses_grow_to_ten_minutes_and_then_to_an_hour():
    pauses = [pause_after(tries) for tries in range(1, 20)]
    assert pauses[:3] == [2, 4, 8]
    assert pauses == sorted(pauses)
    assert pauses.count(600) >= 6
    assert pauses[-1] == 3600
    assert pause_after(10_000) == 3600


def test_a_living_kernel_hands_over_what_it_failed_to_clean_up():
    assert kinds(decided(record(state="failed"), kernel=ALIVE)) == [(Clean, "a")]


@pytest.mark.parametrize("limit", [{"ttl": 900.0}, {"idle_timeout": 900.0}, {"request": "cleanup"}])
def test_limits_and_requests_go_by_way_of_the_kernel_first(limit):
    one = record(**limit)
    (ask,) = decided(one, kernel=ALIVE).actions
    assert isinstance(ask, Ask)
    waiting = decided(one, kernel=ALIVE, asked={"a": NOW})
    assert (waiting.actions, waiting.look_again) == ((), NOW + FENCE_AFTER)
    fenced = decided(one, kernel=ALIVE, asked={"a": NOW - FENCE_AFTER})
    assert kinds(fenced) == [(Clean, "a")]


def test_a_reaper_stays_until_what_it_asked_for_is_done():
    assert not decided(record(ttl=900.0), kernel=ALIVE).idle
    assert decided(record(dies_with_kernel=True, handle=None, recipe=b"")).idle


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        ({"request": LOST}, LOST, "its kernel did not renew it in time"),
        ({"request": "cleanup", "ttl": 1.0}, REQUEST, "somebody asked for it"),
        ({"ttl": 1000.0}, TTL, "it is older than its ttl of 1000 s"),
        ({"idle_timeout": 1000.0}, IDLE, "it was idle for 1000 s"),
    ],
)
def test_a_kernel_is_told_why_it_is_to_close_a_lease_as_soon_as_that_holds(values, kind, reason):
    assert due(record(**values), NOW) == (kind, reason)
    assert values.get("request") or due(record(**values), NOW - 1) is None


def test_a_limit_in_the_future_is_looked_at_in_time():
    decision = decided(record(ttl=1500.0), kernel=ALIVE)
    assert (decision.actions, decision.look_again) == ((), 2500.0)


def test_use_puts_off_the_idle_limit():
    assert decided(record(idle_timeout=900.0, used=1900.0), kernel=ALIVE).look_again == 2800.0


def test_keep_survives_the_kernel_for_a_while():
    [keep] = decided(record(keep=60.0)).actions
    assert keep == Keep(record(keep=60.0), NOW + 60)
    kept = record(state="kept", keep=60.0, keep_until=NOW + 60)
    assert decided(kept).look_again == NOW + 60
    assert kinds(decided(kept, now=NOW + 60)) == [(Clean, "a")]
    assert kinds(decided(kept._replace(request="cleanup"))) == [(Clean, "a")]
    assert kinds(decided(record(keep=60.0, request="cleanup"))) == [(Clean, "a")]


def test_the_time_of_a_reapers_claim_follows_from_its_end():
    assert claimed_at(record(claim_until=3000.0, cleanup_timeout=60.0)) == 2940.0 - MARGIN
    assert claimed_at(record(cleanup_timeout=60.0)) == 0.0


STATES = st.sampled_from(["opening", "open", "closing", "failed", "kept"])


@st.composite
def ledgers(draw):
    count = draw(st.integers(1, 8))
    return [
        record(
            f"r{i}",
            state=draw(STATES),
            handle=draw(st.sampled_from([None, b"h"])),
            can_find=draw(st.booleans()),
            dies_with_kernel=draw(st.booleans()),
            around=tuple(f"r{j}" for j in range(i) if draw(st.booleans())),
            tries=draw(st.integers(0, HELD_TRIES + 1)),
            next_try=draw(st.sampled_from([0.0, NOW + 5])),
            claimant=draw(st.sampled_from([None, REAPER])),
        )
        for i in range(count)
    ]


@given(ledgers(), st.sampled_from([ALIVE, DEAD]))
def test_every_ledger_of_a_dead_kernel_comes_to_rest_with_everything_tried(records, reaper):
    """Clean-ups that work close everything that can be cleaned, inner ones first."""
    known = {one.id: one for one in records}
    now = NOW
    for turn in range(100):
        reaper = DEAD if turn == 50 else reaper  # it ends in the middle of what it has claimed
        decision = decided(*known.values(), reaper=reaper, now=now)
        for action in decision.actions:
            lease = action.record.id
            if isinstance(action, Clean | Close):
                cleanable = [
                    one.id
                    for one in known.values()
                    if lease in one.around
                    and one.tries < HELD_TRIES
                    and isinstance(_alone(one, now, reaper), Clean)
                ]
                assert isinstance(action, Close) or not cleanable
                del known[lease]
            else:
                known[lease] = known[lease]._replace(state=states.FAILED, reason=action.reason)
        if decision.idle:
            break
        now = max(now, decision.look_again or now)
    else:
        pytest.fail("it never comes to rest")
    for one in known.values():
        hopeless = not one.dies_with_kernel and one.handle is None and not one.can_find
        assert one.state == "failed"
        assert hopeless, one


def _alone(one, now, reaper):
    actions = decided(one, now=now, reaper=reaper).actions
    return actions[0] if actions else None


@pytest.mark.parametrize(
    "change",
    [
        {"owner": REAPER},  # another kernel has adopted it
        {"keep": 60.0},
        {"state": "kept", "keep_until": NOW + 1},
        {"state": "closing"},
        {"request": "cleanup"},
        {"handle": b"another"},
        {"recipe": b"another"},
    ],
)
def test_a_clean_up_is_decided_on_again_if_the_lease_has_changed_meanwhile(change):
    assert not is_still_due(record(), record(**change), NOW)


def test_a_clean_up_goes_on_if_nothing_that_it_depends_on_has_changed():
    assert is_still_due(record(), record(used=NOW, notice="a remark"), NOW)


def test_a_kept_lease_of_which_the_time_was_extended_is_not_cleaned_up():
    read = record(state="kept", keep=60.0, keep_until=NOW - 1)
    assert is_still_due(read, read, NOW)
    assert not is_still_due(read, read._replace(keep_until=NOW + 60), NOW)
    assert is_still_due(read, read._replace(keep_until=NOW), NOW)
    assert is_still_due(*[read._replace(keep_until=NOW + 60, request="cleanup")] * 2, NOW)
