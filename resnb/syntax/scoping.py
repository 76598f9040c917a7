"""Which names a piece of Python binds and reads, by Python's scoping rules.

Order and branches do not matter here; `resnb.syntax.reads` finds what is read too early.
The standard library's `symtable` knows the same about whole functions and modules, but not about
some of their statements.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Scope = _Function | _Comprehension | ast.ClassDef
_EAGER_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)
_LEAVES = frozenset({
    ast.Name, ast.Constant, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Pass,
})  # fmt: skip
_TYPE_ALIASES: tuple[type[ast.AST], ...] = tuple(
    one for one in [getattr(ast, "TypeAlias", None)] if one is not None
)
_SCOPES = frozenset(get_args(_Scope)).union(_TYPE_ALIASES)  # those from Python 3.12 on
_NAMING = _SCOPES | {
    ast.Name, ast.AugAssign, ast.Import, ast.ImportFrom, ast.Nonlocal, ast.MatchAs, ast.MatchStar,
    ast.MatchMapping,
}  # fmt: skip
"""What itself binds or reads names, apart from its parts."""
_NO_NODES = frozenset({"attr", "ctx", "op", "ops", "type_comment"})
"""Fields whose values are no nodes, or nodes that say only what is done, such as `ast.Add`."""
_AWAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith)


def own_nodes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes that run in the scope of `nodes`, in the order of the source.

    Bodies of functions, classes and lambdas run in scopes of their own, and so does a comprehension
    except for its first iterable. Decorators, defaults and base classes do not. What says only how,
    such as `ast.Add` and `ast.Load`, is left out, and so is the name in a bare annotation.
    """
    left = [*nodes][::-1]  # a generator in a generator would pass each node up through all of them
    while left:
        node = left.pop()
        yield node
        if type(node) not in _LEAVES:
            left += reversed(_own_parts(node))


def _own_parts(node: ast.AST) -> Sequence[ast.AST]:
    if type(node) not in _SCOPES:
        return _parts(node)
    if isinstance(node, _Comprehension):
        return [node.generators[0].iter]
    if isinstance(node, _TYPE_ALIASES):
        return [node.name]  # type: ignore[attr-defined]
    types = [] if getattr(node, "type_params", ()) else _typed(node)
    decorators: list[ast.AST] = [*getattr(node, "decorator_list", ())]
    if isinstance(node, _Function):
        values = [value for value in (*node.args.defaults, *node.args.kw_defaults) if value]
        return [*decorators, *values, *types]
    return [*decorators, *types]


def _typed(node: ast.AST) -> list[ast.AST]:
    """The annotations of a function, the bases of a class, or the value of a type alias.

    Where there are type parameters, as in ``def f[T](x: T)``, these have a scope of their own.
    """
    parameters = getattr(node, "type_params", ())
    limits = [getattr(one, name, None) for one in parameters for name in ("bound", "default_value")]
    found: list[ast.AST | None] = [*limits]
    if isinstance(node, _Function):
        found += [one.annotation for one in _arguments(node)]
        found.append(getattr(node, "returns", None))
    elif isinstance(node, ast.ClassDef):
        found += [*node.bases, *node.keywords]
    elif isinstance(node, _TYPE_ALIASES):
        found.append(node.value)  # type: ignore[attr-defined]
    return [one for one in found if one is not None]


def _parts(node: ast.AST) -> list[ast.AST]:
    """What `ast.iter_child_nodes` gives but for `_NO_NODES`, and faster."""
    if isinstance(node, ast.AnnAssign) and node.value is None and isinstance(node.target, ast.Name):
        return [node.annotation]
    found: list[ast.AST] = []
    for name in node._fields:
        if name not in _NO_NODES:
            value = getattr(node, name, None)
            if isinstance(value, list):
                found += [one for one in value if isinstance(one, ast.AST)]
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def _type_parameters(node: ast.AST) -> list[str]:
    """The names in the brackets of ``def f[T]``, ``class C[T]`` or ``type A[T]``."""
    return [one.name for one in getattr(node, "type_params", ())]


def _inside(node: _Comprehension) -> list[ast.expr]:
    """The expressions that run in a comprehension's own scope."""
    first, *others = node.generators
    results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    return [*first.ifs, *(e for other in others for e in (other.iter, *other.ifs)), *results]


def _arguments(node: _Function) -> list[ast.arg]:
    args = node.args
    starred = [argument for argument in (args.vararg, args.kwarg) if argument]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *starred]


def names_of(nodes: Iterable[ast.AST]) -> tuple[set[str], dict[str, None]]:
    """The names that `nodes` read, as `names_read`, and those that they bind, as `bound_names`."""
    read: set[str] = set()
    bound: dict[str, None] = {}
    for node in own_nodes(nodes):
        if isinstance(node, ast.Name):  # most that matter are
            if isinstance(node.ctx, ast.Store):
                bound[node.id] = None
            else:
                read.add(node.id)
        elif type(node) in _NAMING:
            read.update(name for name, _ in _read_by(node))
            bound.update(dict.fromkeys(_bound_by(node)))
    return read, bound


def bound_names(nodes: Iterable[ast.AST]) -> tuple[str, ...]:
    """The names that `nodes` bind in their scope, in order, each once.

    Three things do not count: what ``except ... as name`` binds, because it is unbound again at the
    end; a bare annotation, which binds nothing; and ``import *``, whose names are unknown.
    """
    own = (node for node in own_nodes(nodes) if type(node) in _NAMING)
    return tuple(dict.fromkeys(name for node in own for name in _bound_by(node)))


def names_left(statements: Iterable[ast.stmt]) -> tuple[str, ...]:
    """The names that `statements` bind, in order, without those that they delete again."""
    names: dict[str, None] = {}
    for statement in statements:
        names.update(dict.fromkeys(bound_names([statement])))
        if isinstance(statement, ast.Delete):
            for target in statement.targets:
                names.pop(getattr(target, "id", ""), None)
    return tuple(names)


def _bound_by(node: ast.AST) -> Sequence[str]:  # noqa: PLR0911 - a table of kinds
    match node:
        case ast.Name(id=name, ctx=ctx):
            return (name,) if isinstance(ctx, ast.Store) else ()
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            names = [alias.asname or alias.name.partition(".")[0] for alias in aliases]
            return [name for name in names if name != "*"]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return (name,)
        case ast.MatchMapping(rest=str(name)):
            return (name,)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return bound_names(_inside(node))  # by ``:=``
    return ()


def has_await(nodes: Iterable[ast.AST]) -> bool:
    """Whether `nodes` await in their own scope, so that only an async function can contain them."""
    return any(map(_awaits, own_nodes(nodes)))


def _awaits(node: ast.AST) -> bool:
    if isinstance(node, _EAGER_COMPREHENSIONS):
        return any(one.is_async for one in node.generators) or has_await(_inside(node))
    return isinstance(node, _AWAITS)


def local_names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The local variables of a function whose body is `nodes`."""
    nodes = list(nodes)
    own = list(own_nodes(nodes))
    outer = {n for node in own if isinstance(node, ast.Global | ast.Nonlocal) for n in node.names}
    caught = {node.name for node in own if isinstance(node, ast.ExceptHandler) and node.name}
    return (frozenset(bound_names(nodes)) | caught) - outer


def names_read(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names that `nodes`, or functions defined in them, read in the scope of `nodes`."""
    return frozenset(name for name, _ in _reads(nodes))


def _reads(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, bool]]:
    return (one for node in own_nodes(nodes) if type(node) in _NAMING for one in _read_by(node))


def _read_by(node: ast.AST) -> Sequence[tuple[str, bool]]:
    """Each name read, and whether an inner scope reads it, which does not see a class's names."""
    match node:
        case ast.Name(id=name, ctx=ctx):
            return () if isinstance(ctx, ast.Store) else ((name, False),)
        case ast.AugAssign(target=ast.Name(id=name)):
            return ((name, False),)
        case ast.Nonlocal(names=names):
            return [(name, False) for name in names]
        case _ if isinstance(node, _Scope):
            hidden = {getattr(node, "name", None), *_type_parameters(node)}  # bound by then
            inside = [(name, True) for name in _free_names(node) if name not in hidden]
            if len(hidden) > 1:
                inside += [(name, False) for name in names_read(_typed(node)) - hidden]
            return inside
        case _ if isinstance(node, _TYPE_ALIASES):
            hidden = {node.name.id, *_type_parameters(node)}  # type: ignore[attr-defined]
            return [(name, False) for name in names_read(_typed(node)) - hidden]
    return ()


def _free_names(scope: _Scope) -> frozenset[str]:
    """The names that a scope reads from the scopes around it."""
    if isinstance(scope, ast.ClassDef):
        own = frozenset(bound_names(scope.body))
        return frozenset(n for n, inside in _reads(scope.body) if inside or n not in own)
    if isinstance(scope, _Comprehension):
        targets = [generator.target for generator in scope.generators]
        return names_read([*_inside(scope), *targets]) - frozenset(bound_names(targets))
    body = [scope.body] if isinstance(scope, ast.Lambda) else scope.body
    arguments = frozenset(argument.arg for argument in _arguments(scope))
    return names_read(body) - local_names(body) - arguments
