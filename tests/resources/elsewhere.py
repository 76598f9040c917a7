"""A resource as another installation has it, from the ledger's data alone."""

from resnb.ledger.recipes import kinds
from resnb.ledger.recipes.handles import FoundLease


def elsewhere(name, manager, handle):
    """The manager and the handle."""
    kind = kinds.find(name)
    recipe = kinds.arguments_of(kind, manager)
    data = kind.handle_data(handle)
    found, read = kinds.loaded(name, recipe, data)
    found.lease = FoundLease(manager.lease.id)
    attach = getattr(found, "attach", None)
    return found, read if attach is None else attach(read)
