"""Generator functions with one ``yield`` as resource managers.

In the kernel, clean-up resumes the live generator. This works only once: a second try, clean-up
after an interrupted set-up, and clean-up in another process run the code after the yield by itself,
if the generator's source can be split there. If set-up raises inside the generator, its own
``finally`` blocks have already run.
"""

from collections.abc import Collection, Mapping
from typing import Any

from resnb.errors import CleanupError, GraphError, LedgerError
from resnb.graph.resources.adapter import LIVES_IN_KERNEL, Adapter
from resnb.graph.resources.source_text import given_to, source_of
from resnb.graph.resources.split_recipe import SplitRecipe, Variables, importable_module
from resnb.syntax.body import GeneratorSource, SplitBody, split_body
from resnb.syntax.splitting import NoSplit


class _Base(Adapter):
    """What plain and async generators have in common."""

    _frame_name = "gi_frame"
    __resnb_source__: GeneratorSource | NoSplit | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_open = False
        self._begun: Variables | None = None
        self._rebuilt: SplitRecipe | None = None

    @classmethod
    def _split(cls) -> SplitBody | NoSplit:
        source = cls.__resnb_source__
        if source is None:
            source = cls.__resnb_source__ = source_of(cls._function)
        return source if isinstance(source, NoSplit) else split_body(source)

    @classmethod
    def _fault(cls) -> str:
        found = cls._split()
        return f"{LIVES_IN_KERNEL}{found.reason}" if isinstance(found, NoSplit) else ""

    @classmethod
    def __resnb_protection__(cls) -> tuple[str | None, str | None]:
        """See `Adapter`."""
        found = cls._split()
        if isinstance(found, NoSplit):
            return cls._fault(), cls._fault()
        find = found.methods.get("find")
        return find.fault if find else None, None if found.made else ""

    def __resnb_recipe__(self) -> SplitRecipe:
        """See `Adapter`."""
        recipe = self._recipe()
        if recipe.missing:
            names = ", ".join(recipe.missing)
            raise LedgerError(f"its clean-up uses {names}, which is not defined (yet)")
        return recipe

    def _recipe(self) -> SplitRecipe:
        if isinstance(self._split(), NoSplit):
            raise LedgerError(self._fault())
        assert isinstance(self.__resnb_source__, GeneratorSource)
        function = self._function
        recipe = SplitRecipe(
            type(self).__name__,
            self.__resnb_source__,
            function.__globals__,
            given_to(function, self._args, self._kwargs),
            importable_module(function),
        )
        recipe.lease = self.lease
        return recipe

    def __resnb_names__(self) -> tuple[Mapping[str, Any], Collection[str]]:
        """See `Adapter`."""
        return ({}, ()) if isinstance(self._split(), NoSplit) else self._recipe().__resnb_names__()

    def __resnb_values__(self) -> Mapping[str, Any]:
        """See `Adapter`."""
        return {name: value for name, value in self._locals().items() if name != "lease"}

    def __getattr__(self, name: str) -> Any:
        found = self._split() if name in ("handle", "attach", "find", "ready") else None
        if name == "ready" and self._wants_lease and "ready" in self._locals():
            return self._locals()["ready"]
        if isinstance(found, SplitBody):
            if name == "handle":
                return self._handle
            if name == "attach":
                return self._attach
            find = found.methods.get("find")
            if name == "find" and find and not find.fault:
                return self.__resnb_recipe__().find
        message = f"{type(self).__name__!r} has no {name}"
        raise AttributeError(message)

    def _handle(self, resource: Any) -> Any:
        return self.__resnb_recipe__().handle(self._locals(), resource)

    def _attach(self, handle: Any) -> Any:
        self._rebuilt = self.__resnb_recipe__()
        return self._rebuilt.attach(handle)

    def _locals(self) -> dict[str, Any]:
        frame = getattr(self._live, self._frame_name, None)
        return {} if frame is None else dict(frame.f_locals)

    def _alone(self, resource: Any) -> tuple[SplitRecipe, Any] | None:
        """The recipe and argument of a clean-up without the live generator; None to resume it."""
        if self._rebuilt is not None:
            return self._rebuilt, resource
        can_split = isinstance(self._split(), SplitBody)
        if not self._is_open:
            return (self.__resnb_recipe__(), resource) if can_split else None
        if self._begun is None:
            wanted = self._split()
            names = wanted.parts.variables if isinstance(wanted, SplitBody) else ()
            found = self._locals()
            self._begun = Variables({name: found[name] for name in names if name in found})
            return None
        if not can_split:
            message = (
                f"the cleanup of resource {type(self).__name__!r} cannot be begun again: a "
                "generator goes on where it raised; use a class with setup and cleanup for that"
            )
            raise CleanupError(message)
        return self.__resnb_recipe__(), self._begun


class GeneratorAdapter(_Base):
    """A generator function as a manager."""

    def setup(self) -> Any:
        """Run the generator up to the yield."""
        self._live = self._call()
        try:
            resource = next(self._live)
        except StopIteration:
            raise _no_yield(self) from None
        self._is_open = True
        return resource

    def cleanup(self, resource: Any) -> None:
        """Run the generator to its end."""
        if alone := self._alone(resource):
            recipe, what = alone
            recipe.cleanup(what)
            return
        try:
            next(self._live)
        except StopIteration:
            return
        self._live.close()
        raise _second_yield(self)


class AsyncGeneratorAdapter(_Base):
    """An async generator function as a manager."""

    _frame_name = "ag_frame"

    async def setup(self) -> Any:
        """Run the generator up to the yield."""
        self._live = self._call()
        try:
            resource = await anext(self._live)
        except StopAsyncIteration:
            raise _no_yield(self) from None
        self._is_open = True
        return resource

    async def cleanup(self, resource: Any) -> None:
        """Run the generator to its end."""
        if alone := self._alone(resource):
            recipe, what = alone
            done = recipe.cleanup(what)
            if done is not None:
                await done
            return
        try:
            await anext(self._live)
        except StopAsyncIteration:
            return
        await self._live.aclose()
        raise _second_yield(self)


def _no_yield(manager: Adapter) -> GraphError:
    return GraphError(
        f"resource {type(manager).__name__!r} returned without a yield: yield the resource once, "
        "and clean it up after the yield"
    )


def _second_yield(manager: Adapter) -> CleanupError:
    return CleanupError(
        f"resource {type(manager).__name__!r} yielded twice: a resource yields once, and what "
        "follows the yield is its cleanup"
    )
