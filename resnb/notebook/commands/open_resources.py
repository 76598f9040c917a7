"""``%resources open`` and ``close``: resources for ordinary cells.

A variable that was bound to what is closed meanwhile is unbound, so that no cell goes on with it.
"""

from resnb.errors import CleanupError, MagicError, enumerated, harmless, nearest
from resnb.graph.base.building import flow_being_built
from resnb.graph.resources.resource import ResourceManager
from resnb.ledger import states
from resnb.ledger.kernel.keeper import KEEPER
from resnb.ledger.kernel.lease import Lease
from resnb.notebook.cells.cell_scopes import arguments_of, manager_named
from resnb.notebook.lines.parsed import ResourcesLine
from resnb.notebook.session import Session
from resnb.run.held.resource import HeldResource
from resnb.run.held.session import NO_ARGUMENTS, SESSION


def open_resource(session: Session, parsed: ResourcesLine) -> None:
    """Open a resource, unless it is open already, and bind its variable to the live thing."""
    clause, namespace = parsed.clause, session.namespace
    assert clause is not None
    what = f"%resources open {clause.call_source}"
    if flow_being_built() is not None:
        raise MagicError(f"{what}: a flow is being built here; name its resource by --with")
    manager = manager_named(clause, namespace, "%resources open")
    if parsed.options:
        manager = manager.options(**parsed.options)
    args, kwargs = arguments_of(clause, namespace, "%resources open")
    held = HeldResource(manager, args, kwargs)
    held.source = clause.call_source
    name = clause.name
    before = SESSION.find(name)
    try:
        opened = held.open(name)
    finally:
        session.unbind_closed()
    if before is not None and opened is not before:
        print(f"cleaned up {harmless(name)}")  # noqa: T201
    told = f"{harmless(name)} is open" + " already" * (opened is before)
    if clause.variable is not None:
        session.bind(clause.variable, opened)
    else:
        told += "; no variable has its value: `as NAME` would bind one"
    print(told)  # noqa: T201


def bind_adopted(session: Session, lease: Lease) -> None:
    """Let what an earlier kernel opened, and this one has adopted, be open here, and bind it."""
    manager = ResourceManager(type(lease.manager), name=lease.name)
    manager.accept(NO_ARGUMENTS)
    KEEPER.adoptions.give(lease)
    session.bind(lease.name, HeldResource.adopted(manager, lease))


def close_resources(session: Session, name: str | None) -> None:
    """Close the resource of that name, or all that are open for ordinary cells."""
    opened = [one for one in SESSION.all() if name in (None, one.name)]
    if name is not None and not opened:
        known = [one.name for one in SESSION.all()]
        near = nearest(name, known)
        hint = f"there is {enumerated(known)}" if known else "nothing is open for ordinary cells"
        hint = f"did you mean {near!r}?" if near else hint
        raise MagicError(f"no resource {name!r} was opened by %resources open; {hint}")
    if not opened:
        print("nothing is open for ordinary cells")  # noqa: T201
    failed: list[str] = []
    for one in reversed(opened):
        was_open = one.state == states.OPEN
        try:
            one.close()
        except CleanupError as error:
            failed.append(str(error))
        else:
            if was_open:
                print(f"cleaned up {harmless(one.name)}")  # noqa: T201
    session.unbind_closed()
    if failed:
        raise CleanupError("; ".join(failed))
