"""What ``%flow from-cells`` prints: a line for each cell, or the cells with their new lines."""

from collections.abc import Iterable, Iterator, Sequence

from resnb.errors import harmless
from resnb.notebook.conversion.facts import labels
from resnb.notebook.conversion.proposal import Proposed


def plan_lines(found: Sequence[Proposed]) -> list[str]:
    """A line for each cell: what it gives and reads as a step, or why it stays as it is."""
    heads = [labels(one.cells) for one in found]
    width = max(map(len, heads), default=0)
    return [f"{head:<{width}}  {_says(one)}" for head, one in zip(heads, found, strict=True)]


def _says(one: Proposed) -> str:
    if not one.is_step:
        return f"stays: {one.why}"
    parts = [f"gives {', '.join(one.outputs)}" if one.outputs else "gives nothing"]
    if one.reads:
        parts.append(f"reads {', '.join(f'{name} of {label}' for name, label in one.reads)}")
    if one.inside:
        parts.append(f"keeps {', '.join(one.inside)} inside")
    kind = f"one step, since {one.why}" if one.why else "step"
    return f"{kind}: {'; '.join(parts)}"


def summary(found: Sequence[Proposed]) -> str:
    """How many steps and ordinary cells there are."""
    steps = sum(one.is_step for one in found)
    rest = len(found) - steps
    ordinary = f"{rest} cell{'s' * (rest != 1)} stay{'s' * (rest == 1)} ordinary"
    return f"{steps} step{'s' * (steps != 1)}; {ordinary}"


def cells_text(flow: str, found: Iterable[Proposed]) -> Iterator[str]:
    """The notebook's cells, each with a heading, those that become steps with their line."""
    for one in found:
        text = harmless_lines(one.text)
        if one.is_step:
            together = f" (one step, since {one.why})" if one.why else ""
            yield f"── {labels(one.cells)}{together}\n{one.magic_line(flow)}\n{text}\n"
        else:
            yield f"── {labels(one.cells)} stays as it is: {one.why}\n{text}\n"


def harmless_lines(text: str) -> str:
    """`text` with its lines kept, and other control characters spelled out."""
    return "\n".join(harmless(line) for line in text.split("\n"))
