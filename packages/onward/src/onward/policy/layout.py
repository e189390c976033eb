"""A policy file's text from what is to become of each of its rules."""

from collections.abc import Callable, Mapping, Sequence

from onward.policy.document import Document, Entry
from onward.policy.edit import editable, edited, rewritten
from onward.policy.style import Explained

EntryLines = Callable[[Entry, str], tuple[bool, list[str]]]
"""What a rule becomes, given what stands above it: whether its line may stay as it is, and else its lines."""


def laid_out(document: Document, style: Explained, lines_of: EntryLines) -> str:
    """The whole file: edited where its lines can be, else written anew."""
    blocks, stay = _blocks(document, style, lines_of)
    if not editable(document):
        return rewritten(document, blocks, style.head)
    replaced = {number: block for number, block in blocks.items() if number not in stay}
    if replaced:
        # An anchor may have gone, or what it stood for: whatever hangs on one is written out.
        replaced |= {number: blocks[number] for number, pair in enumerate(document.pairs) if pair.linked}
    # A document whose end is marked must not be empty.
    empty = not any(_says_something(blocks[number]) for number in blocks) and document.end < len(document.text)
    return edited(document, replaced, ["{}"] if replaced and empty else [])


def without_effect(document: Document) -> Mapping[int, str]:
    """Pairs of a document that have no effect, by their number, and why."""
    effective = {entry.pair for entry in document.entries}
    found = {}
    for number, pair in enumerate(document.pairs):
        if number not in effective and not pair.merge:
            problems = (each.what for each in document.problems if each.line == pair.line and each.effect == "ignored")
            found[number] = next(problems, "has no effect")
    return found


def _blocks(document: Document, style: Explained, lines_of: EntryLines) -> tuple[dict[int, Sequence[str]], set[int]]:
    """The lines of each pair, and the pairs whose lines may stay as they are."""
    text = document.text
    blocks: dict[int, list[str]] = {number: [] for number in range(len(document.pairs))}
    stay: set[int] = set()
    for number, why in without_effect(document).items():
        pair = document.pairs[number]
        blocks[number] = style.gone(text[pair.begin : pair.end].rstrip().split("\n"), why)
    lines = text.splitlines()
    for entry in document.entries:
        above = "\n".join(lines[max(0, entry.line - 40) : max(0, entry.line - 1)])
        same, block = lines_of(entry, above)
        if same and not document.pairs[entry.pair].merge:
            stay.add(entry.pair)
        blocks[entry.pair] += block
    return dict(blocks), stay


def _says_something(block: Sequence[str]) -> bool:
    return any(line and not line.startswith("#") for line in block)
