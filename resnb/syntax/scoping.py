"""Which names a piece of Python binds and reads, by Python's scoping rules.

Order and branches do not matter here; `resnb.syntax.reads` finds what is read too early.
The standard library's `symtable` knows the same about whole functions and modules, but not about
some of their statements.
"""

import ast
from collections.abc import Iterable, Iterator

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Scope = _Function | _Comprehension | ast.ClassDef
_EAGER_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)
_LEAVES = (ast.Name, ast.Constant, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
_AWAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith)


def own_nodes(nodes: Iterable[ast.AST], enter: tuple[type[ast.AST], ...] = ()) -> Iterator[ast.AST]:
    """The nodes that run in the scope of `nodes`, in the order of the source.

    Bodies of functions, classes and lambdas run in scopes of their own, and so does a comprehension
    except for its first iterable. Decorators, defaults and base classes do not.

    Args:
        nodes: where to begin.
        enter: kinds of comprehension to enter as well, without their targets.
    """
    left = [iter(nodes)]  # a generator in a generator would pass each node up through all of them
    while left:
        node = next(left[-1], None)
        if node is None:
            left.pop()
            continue
        yield node
        if node._fields and not isinstance(node, _LEAVES):
            left.append(iter(_own_parts(node, enter)))


def _own_parts(node: ast.AST, enter: tuple[type[ast.AST], ...]) -> Iterable[ast.AST]:
    if isinstance(node, _Comprehension):
        inside = _inside(node) if isinstance(node, enter) else []
        return [node.generators[0].iter, *inside]
    if isinstance(node, _Function):
        values = [value for value in (*node.args.defaults, *node.args.kw_defaults) if value]
        if isinstance(node, ast.Lambda):
            return values
        annotations = [a.annotation for a in _arguments(node) if a.annotation]
        returns = [node.returns] if node.returns else []
        return [*node.decorator_list, *values, *annotations, *returns]
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *node.keywords]
    return ast.iter_child_nodes(node)


def _inside(node: _Comprehension) -> list[ast.expr]:
    """The expressions that run in a comprehension's own scope."""
    first, *others = node.generators
    results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    return [*first.ifs, *(e for other in others for e in (other.iter, *other.ifs)), *results]


def _arguments(node: _Function) -> list[ast.arg]:
    args = node.args
    starred = [argument for argument in (args.vararg, args.kwarg) if argument]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *starred]


def bound_names(nodes: Iterable[ast.AST]) -> tuple[str, ...]:
    """The names that `nodes` bind in their scope, in order, each once.

    Three things do not count: what ``except ... as name`` binds, because it is unbound again at the
    end; a bare annotation, which binds nothing; and ``import *``, whose names are unknown.
    """
    unbound = set()
    names: dict[str, None] = {}
    for node in own_nodes(nodes, (*_EAGER_COMPREHENSIONS, ast.GeneratorExp)):
        if isinstance(node, ast.AnnAssign) and node.value is None:
            unbound.add(node.target)
        if node not in unbound:
            names.update(dict.fromkeys(_bound_by(node)))
    return tuple(names)


def names_left(statements: Iterable[ast.stmt]) -> tuple[str, ...]:
    """The names that `statements` bind, in order, without those that they delete again."""
    names: dict[str, None] = {}
    for statement in statements:
        names.update(dict.fromkeys(bound_names([statement])))
        if isinstance(statement, ast.Delete):
            for target in statement.targets:
                names.pop(getattr(target, "id", ""), None)
    return tuple(names)


def _bound_by(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            names = [alias.asname or alias.name.partition(".")[0] for alias in aliases]
            return [name for name in names if name != "*"]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
        case _:
            return []


def has_await(nodes: Iterable[ast.AST]) -> bool:
    """Whether `nodes` await in their own scope, so that only an async function can contain them."""
    return any(
        isinstance(node, _AWAITS)
        or (isinstance(node, _EAGER_COMPREHENSIONS) and any(g.is_async for g in node.generators))
        for node in own_nodes(nodes, _EAGER_COMPREHENSIONS)
    )


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
    """Each name read, and whether an inner scope reads it, which does not see a class's names."""
    for node in own_nodes(nodes):
        match node:
            case ast.Name(id=name, ctx=ast.Load() | ast.Del()):
                yield name, False
            case ast.AugAssign(target=ast.Name(id=name)):
                yield name, False
            case ast.Nonlocal(names=names):
                yield from ((name, False) for name in names)
            case _ if isinstance(node, _Scope):
                own = getattr(node, "name", None)  # bound by the time the body reads it
                yield from ((name, True) for name in _free_names(node) if name != own)
            case _:
                pass


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
