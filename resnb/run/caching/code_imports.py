"""The user's modules that code imports itself, so that what it takes from them counts for its key.

They are imported for that if they have not been: the code would do so anyway, and the key has to be
the same before its first call and after it.
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import resolve_name
from types import ModuleType
from typing import Any

from resnb.errors import is_installed
from resnb.syntax.bytecode import Import


def is_users_module(module: ModuleType) -> bool:
    """Whether a module is the user's; those that are built into Python have no file."""
    return _is_users(module.__name__, getattr(module, "__file__", None))


def imported_by(one: Import, namespace: Mapping[str, Any]) -> ModuleType | None:
    """The module of the user's that an import begins with; None if it is another one, or fails.

    Args:
        one: the import.
        namespace: the globals of the code.
    """
    name = one.module
    if one.level:
        try:
            package = str(namespace.get("__package__") or "")
            name = resolve_name("." * one.level + name, package)
        except ImportError:
            return None
    top = name.partition(".")[0]
    if not _is_of_user(top):
        return None
    with suppress(Exception, SystemExit):  # the code will say so itself
        import_module(name)
        for part in one.names:
            if not hasattr(sys.modules[name], part):
                import_module(f"{name}.{part}")
    return sys.modules.get(name if one.names else top)


def version_of(one: Import) -> str:
    """The version of the installed package that an import is of; it need not be imported for it."""
    top = one.module.partition(".")[0]
    return "" if one.level or top in sys.stdlib_module_names else _installed_version(top)


@cache
def _installed_version(top: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(top)
    except (PackageNotFoundError, ValueError):  # a package of several modules has another name
        return ""


def _is_of_user(top: str) -> bool:
    """Whether the package or module of that name is the user's, without importing it."""
    module = sys.modules.get(top)
    if module is not None:
        return is_users_module(module)
    if top in sys.stdlib_module_names:
        return False
    spec = PathFinder.find_spec(top)
    if spec is None:
        return False
    return _is_users(top, spec.origin or next(iter(spec.submodule_search_locations or ()), None))


def _is_users(name: str, file: str | None) -> bool:
    return name not in sys.stdlib_module_names if file is None else not is_installed(file)
