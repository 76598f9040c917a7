"""The shared ledger's tables in PostgreSQL, and what its steps say differently there.

Row-level security gives each account its own rows: nobody else's can be seen, changed or forged.
Members of the role `WARDEN` see all. Owners renew their leases by the server's clock; a lease
remembers the epoch of its owner, which is another one after the owner has come too late once.
"""

from typing import Final

from resnb.ledger.store.columns import DEFINITIONS, FIELDS
from resnb.ledger.store.statements import INDICES, Dialect

VERSION: Final = 1
WARDEN: Final = "resnb_warden"
"""Members of this role see and clean up the leases of every account."""
_ONE_AT_A_TIME = 0x7265736E62  # "resnb"
_DEFINITIONS = DEFINITIONS.replace(" blob", " bytea").replace(" real", " double precision")

_OWN = f"""account = current_user or exists (
    select from pg_roles where rolname = '{WARDEN}' and pg_has_role(current_user, oid, 'usage')
)"""
MAKE: Final = (
    f"select pg_advisory_xact_lock({_ONE_AT_A_TIME})",
    "create schema if not exists resnb",
    "create table if not exists ledger (version integer not null)",
    f"insert into ledger select {VERSION} where not exists (select from ledger)",  # noqa: S608
    # the bytes of a recipe stay in the table until they are vacuumed
    f"""create table if not exists leases (
    {_DEFINITIONS}, account name not null default current_user,
    epoch bigint not null, claimed timestamptz
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50)""",
    *INDICES,
    """create table if not exists owners (
    account name not null default current_user, owner text not null,
    epoch bigint not null default 1, renewed timestamptz not null default now(),
    primary key (account, owner)
) with (fillfactor = 50)""",
    *(
        f"alter table {table} {what} row level security"
        for table in ("leases", "owners")
        for what in ("enable", "force")
    ),
    *(
        statement
        for table in ("leases", "owners")
        for statement in (
            f"drop policy if exists own on {table}",
            f"create policy own on {table} using ({_OWN}) with check ({_OWN})",
        )
    ),
    "grant usage on schema resnb to public",
    "grant select on ledger to public",
    "grant select, insert, update, delete on leases, owners to public",
)
"""The statements that make the tables, in one transaction."""
_OLD = """delete from leases where id in (
    select id from leases where state = 'closed' and ended < :before limit 100
    for update skip locked
)"""
_GONE = """delete from owners where renewed < now() - interval '1 day' and not exists (
    select from leases where leases.owner = owners.owner and leases.state != 'closed'
)"""
_PRUNES = (_OLD, _GONE)


def dialect(lost_after: float) -> Dialect:
    """What the steps say differently.

    Args:
        lost_after: after how many seconds without renewal an owner has lost its leases.
    """
    seconds = f"{float(lost_after)!r}"
    live = _renewed_within(seconds)
    mine = f"select o.epoch from owners o where o.account = current_user and {live}"  # noqa: S608
    enter = (
        "insert into owners as o (owner) values (:owner) "
        "on conflict (account, owner) do update set renewed = now()"
    )
    void = (
        "(claimed is null or claimed < now() - make_interval("
        f"secs => cleanup_timeout + least(find_for, 10) + {seconds})) and not exists "
        f"(select from owners o where o.owner = leases.claimant and {live})"
    )
    epoch = "(select epoch from owners where account = current_user and owner = :owner)"
    return Dialect(
        nothing="''",
        for_update=" for update",
        enter=f"{enter}, epoch = o.epoch + case when {live} then 0 else 1 end",
        renew=f"{enter} where {live}",
        added={"epoch": epoch},
        holds=(
            f"((claimant = :by and exists ({mine} and o.owner = :by)) or (claimant is null "
            f"and owner = :by and epoch = ({mine} and o.owner = :by)))"
        ),
        claimed=", claimed = now(), epoch = case when owner = :by then epoch else 0 end",
        adopted=f", epoch = {epoch}",
        void=void,
        mine=" and account = current_user",
        renewing=f"select owner from owners o where {live}",  # noqa: S608
        lost_after=lost_after,
        fleet=f"{_seen(void)} order by created, id",
        expired=f"{_seen(void)}{_LOST} order by created, id",
        prunes=_PRUNES,
    )


def _renewed_within(seconds: str) -> str:
    """Whether owner `o` has renewed; the time before the server's last start does not count."""
    return (
        "greatest(o.renewed, pg_postmaster_start_time()) "
        f"> now() - make_interval(secs => {seconds})"
    )


def _seen(void: str) -> str:
    return (
        f"select {', '.join(FIELDS)}, account, claimant is not null and not ({void}), "  # noqa: S608
        "account = current_user from leases where state != 'closed'"
    )


_LOST = (
    " and not exists (select from owners o where o.account = leases.account and "
    "o.owner = leases.owner and leases.epoch in (0, o.epoch) and "
    f"{_renewed_within(':after')})"
)
"""A lease is lost that its owner has not renewed, or has from another epoch. Epoch 0 is one that
somebody has taken from an owner who is still there, and looks after."""
