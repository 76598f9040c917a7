"""A scope's options in words, as far as they differ from the defaults."""

from resnb.graph.resources.scope import ScopeOptions

_DEFAULT = ScopeOptions()
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))
_ON = {"success": "cleaned up on success", "failure": "cleaned up on failure"}
_DURATIONS = (
    ("ttl", "ttl"), ("idle_timeout", "idle timeout"), ("keep", "keep"),
    ("cleanup_timeout", "cleanup timeout"), ("find_for", "find for"),
)  # fmt: skip


def short_duration(seconds: float) -> str:
    """A duration as users write it: ``90s``, ``10m``, ``2h``."""
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def option_notes(options: ScopeOptions) -> tuple[str, ...]:
    """Each option that is not the default, in a few words."""
    found = []
    if options.lifetime != _DEFAULT.lifetime:
        found.append(f"lifetime {options.lifetime}")
    if options.setup != _DEFAULT.setup:
        found.append("set up lazily")
    if options.on != _DEFAULT.on:
        found.append(_ON[options.on])
    for field, words in _DURATIONS:
        value = getattr(options, field)
        if value is not None and value != getattr(_DEFAULT, field):
            found.append(f"{words} {short_duration(value)}")
    if options.cleanup_retries:
        found.append(f"cleanup retries {options.cleanup_retries}")
    if options.cost_per_hour is not None:
        found.append(f"{options.cost_per_hour:g} an hour")
    return tuple(found)
