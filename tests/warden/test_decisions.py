"""What a warden cares for, and what it only lists."""

import re

import pytest

from resnb.errors import LedgerError
from resnb.ledger.owner import DEAD
from resnb.ledger.reaper.decisions import Clean, Close, Keep, decide
from resnb.ledger.recipes.kinds import Kind
from resnb.ledger.store.statements import Expired
from resnb.warden.decisions import LONGEST, select
from tests.ledger.records import HERE, KERNEL, REAPER, record

NOW = 5000.0
BOX = Kind("box", dict, {"image": str}, {"id": str})
SHELL = BOX._replace(name="shell", runs_commands=True)
OWN = HERE._replace(folder="/warden")


def find(name):
    if name == "broken":
        message = "kind 'broken' cannot be loaded"
        raise LedgerError(message)
    return {"box": BOX, "shell": SHELL}.get(name)


def named(name):
    """A lease's id."""
    return name.encode().hex().rjust(32, "0")


def of_kind(name, **values):
    data = {"kind": "box", "recipe": b'{"image": "x"}', "handle": b'{"id": "1"}'}
    return record(named(name), **{**data, **values})


def lost(one, account="alice", *, own=False, claimed=False):
    return Expired(one, account, claimed, own)


def selected(*expired, **options):
    return select(expired, find=find, here=OWN, **options)


def decided(*expired, claimants=(), **options):
    """What a reaper then does."""
    found = selected(*expired, **options)
    liveness = {REAPER: "alive"} if claimants else {}
    return decide(found.records, liveness=lambda one: liveness.get(one, DEAD), now=NOW).actions


def ids(records):
    return [one.id for one in records]


def test_a_kind_is_cleaned_up_in_the_wardens_own_environment():
    (one,) = selected(lost(of_kind("a", cleanup_timeout=1e9))).records
    assert (one.environment, one.cleanup_timeout) == (OWN, LONGEST)
    (action,) = decided(lost(of_kind("a")))
    assert isinstance(action, Clean)


@pytest.mark.parametrize(("is_there", "environment"), [(True, HERE), (False, OWN)])
def test_a_kind_of_its_own_user_needs_no_environment_that_is_gone(is_there, environment):
    mine = lost(of_kind("a", kind="shell", cleanup_timeout=1e9), own=True)
    (one,) = selected(mine, runs_own=True, exists=lambda _: is_there).records
    assert (one.environment, one.cleanup_timeout) == (environment, 1e9)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"kind": ""}, "code of another user"),
        ({"kind": "unheard-of"}, "no package that is installed here has the kind 'unheard-of'"),
        ({"kind": "broken"}, "cannot be loaded"),
        ({"recipe": b"\x80\x05N."}, "cannot be trusted: it is no JSON"),
        ({"recipe": b'{"image": "x", "more": 1}'}, "'more', which is unknown"),
        ({"handle": b'{"id": 1}'}, "handle.id is no str"),
        ({"handle": None}, "nothing tells"),
        ({"id": "c"}, "its id cannot be trusted"),  # a prefix "et" would make it "etc"
        ({"id": f"../{named('a')}"}, "its id cannot be trusted"),
    ],
)
def test_what_it_cannot_or_must_not_clean_up_is_listed(values, reason):
    found = selected(lost(of_kind("a")._replace(**values)))
    assert found.records == ()
    (listing,) = found.listed
    assert (listing.record.id, listing.account) == (values.get("id", named("a")), "alice")
    assert re.search(reason, listing.reason)


def test_code_of_its_own_user_is_run_if_it_is_told_to():
    one = record("a")
    (found,) = selected(lost(one, own=True), runs_own=True).records
    assert (found.recipe, found.environment) == (b"recipe", HERE)
    assert "--own" in selected(lost(one, own=True)).listed[0].reason
    assert selected(lost(one), runs_own=True).records == ()
    elsewhere = selected(lost(one, own=True), runs_own=True, exists=lambda _: False)
    assert "not here" in elsewhere.listed[0].reason


def test_a_kind_that_runs_commands_is_trusted_to_its_own_user_only():
    one = of_kind("a", kind="shell")
    for untrusted in ({}, {"runs_own": True}):
        found = selected(lost(one), **untrusted)
        assert found.records == ()
        assert "runs commands of its user" in found.listed[0].reason
    assert selected(lost(one, own=True)).records == ()
    assert len(selected(lost(one, own=True), runs_own=True).records) == 1


def test_what_is_being_cleaned_up_is_left_alone():
    one = of_kind("a", state="closing", claimant=REAPER)
    assert decided(lost(one, claimed=True), claimants=(REAPER,)) == ()
    assert len(decided(lost(one))) == 1


def test_who_has_come_back_under_the_same_name_is_another_one():
    """An owner that cleans one lease up, and has lost another one."""
    first = of_kind("a", state="closing", claimant=REAPER, owner=KERNEL)
    second = of_kind("b", owner=REAPER)
    actions = decided(lost(first, claimed=True), lost(second), claimants=(REAPER,))
    assert [one.record.id for one in actions] == [named("b")]


def test_dependants_come_first_unless_nobody_cares_for_them():
    outer, inner = of_kind("outer"), of_kind("inner", around=(named("outer"),))
    assert [one.record.id for one in decided(lost(outer), lost(inner))] == [named("inner")]
    inner = inner._replace(kind="")
    assert [one.record.id for one in decided(lost(outer), lost(inner))] == [named("outer")]


def test_what_is_kept_waits_until_its_time():
    kept = of_kind("a", state="kept", keep=60.0, keep_until=NOW + 30)
    assert decided(lost(kept)) == ()
    (action,) = decided(lost(of_kind("a", keep=60.0)))
    assert isinstance(action, Keep)


def test_what_dies_with_its_kernel_is_closed_without_code():
    (action,) = decided(lost(record("a", dies_with_kernel=True)))
    assert isinstance(action, Close)


def test_no_account_holds_up_another():
    mine = of_kind("mine")
    foreign = of_kind(
        "foreign", around=(named("mine"),), state="failed", next_try=NOW + 1e6, tries=1
    )
    actions = decided(lost(foreign, "mallory"), lost(mine))
    assert [one.record.id for one in actions] == [named("mine")]


def test_accounts_take_turns():
    many = [lost(of_kind(f"m{number}"), "mallory") for number in range(100)]
    assert named("a") in ids(selected(*many, lost(of_kind("a"))).records)[:2]
