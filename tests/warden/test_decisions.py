"""What a warden cleans up, and what it only lists."""

import re

import pytest

from resnb.errors import LedgerError
from resnb.ledger.reaper.decisions import AT_ONCE
from resnb.ledger.recipes.kinds import Kind
from resnb.ledger.store.store import Expired
from resnb.warden.decisions import CleanByKind, CleanByRecipe, Close, Keep, decide
from tests.ledger.records import KERNEL, REAPER, record

NOW = 5000.0
BOX = Kind("box", dict, {"image": str}, {"id": str})


def find(name):
    if name == "broken":
        message = "kind 'broken' cannot be loaded"
        raise LedgerError(message)
    return BOX if name == "box" else None


def of_kind(lease, **values):
    data = {"kind": "box", "recipe": b'{"image": "x"}', "handle": b'{"id": "1"}'}
    return record(lease, **{**data, **values})


def lost(one, account="alice", *, own=False, claimed=False):
    return Expired(one, account, claimed, own)


def decided(*expired, **options):
    return decide(expired, find=find, now=NOW, **options)


def ids(actions):
    return [one.record.id for one in actions]


def test_a_kind_is_cleaned_up_from_its_data():
    one = of_kind("a")
    assert decided(lost(one)).actions == (CleanByKind(one, BOX, {"image": "x"}, {"id": "1"}),)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"kind": ""}, "code of another user"),
        ({"kind": "unheard-of"}, "no package that is installed here has the kind 'unheard-of'"),
        ({"kind": "broken"}, "cannot be loaded"),
        ({"recipe": b"\x80\x05N."}, "cannot be trusted: it is no JSON"),
        ({"handle": b'{"id": 1}'}, "handle.id is no str"),
        ({"handle": None}, "nothing tells|left no handle"),
    ],
)
def test_what_it_cannot_or_must_not_clean_up_is_listed(values, reason):
    decision = decided(lost(of_kind("a", **values)))
    assert decision.actions == ()
    (listing,) = decision.listed
    assert (listing.record.id, listing.account) == ("a", "alice")
    assert re.search(reason, listing.reason)


def test_code_of_its_own_user_is_run_if_it_is_told_to():
    one = record("a")
    assert decided(lost(one, own=True), runs_own=True).actions == (CleanByRecipe(one),)
    assert "--own" in decided(lost(one, own=True)).listed[0].reason
    assert decided(lost(one), runs_own=True).actions == ()


def test_what_is_being_cleaned_up_is_left_alone():
    one = of_kind("a", state="closing", claimant=REAPER)
    assert decided(lost(one, claimed=True)).actions == ()
    assert ids(decided(lost(one)).actions) == ["a"]
    assert decided(lost(of_kind("a")), running=["a"]).actions == ()


def test_who_has_come_back_under_the_same_name_is_another_one():
    """An owner that cleans one lease up, and has lost another one."""
    first = of_kind("a", state="closing", claimant=KERNEL, owner=REAPER)
    second = of_kind("b", owner=KERNEL)
    assert ids(decided(lost(first, claimed=True), lost(second)).actions) == ["b"]


def test_dependants_come_first():
    outer, inner = of_kind("outer"), of_kind("inner", around=("outer",))
    assert ids(decided(lost(outer), lost(inner)).actions) == ["inner"]
    assert ids(decided(lost(outer), lost(inner), running=["inner"]).actions) == []
    inner = inner._replace(kind="")  # which it must not run
    assert ids(decided(lost(outer), lost(inner)).actions) == ["outer"]


def test_what_is_kept_waits_until_its_time():
    kept = of_kind("a", state="kept", keep=60.0, keep_until=NOW + 30)
    assert decided(lost(kept)) == ((), (), NOW + 30)
    assert ids(decide([lost(kept)], find=find, now=NOW + 31).actions) == ["a"]
    is_open = of_kind("a", keep=60.0)
    assert decided(lost(is_open)).actions == (Keep(is_open, NOW + 60),)


def test_what_dies_with_its_kernel_is_closed_without_code():
    one = record("a", dies_with_kernel=True)
    assert decided(lost(one)).actions == (Close(one, "died with its kernel"),)


def test_what_failed_is_tried_later():
    one = of_kind("a", state="failed", tries=2, next_try=NOW + 4)
    assert decided(lost(one)) == ((), (), NOW + 4)


def test_no_account_holds_up_another():
    mine = of_kind("mine")
    foreign = of_kind("foreign", around=("mine",), state="failed", next_try=NOW + 1e6, tries=1)
    assert ids(decided(lost(foreign, "mallory"), lost(mine)).actions) == ["mine"]


def test_accounts_take_turns():
    many = [lost(of_kind(f"m{number}"), "mallory") for number in range(100)]
    decision = decided(*many, lost(of_kind("a")))
    assert len(decision.actions) == AT_ONCE
    assert "a" in ids(decision.actions)[:2]
    assert ids(decided(*many, running=[f"m{i}" for i in range(AT_ONCE)]).actions) == []
