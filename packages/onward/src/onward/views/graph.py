"""A model's dependencies as a picture: who uses whom, how each is, and which of them is the cause."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from onward.diagnosis.causes import Cause
from onward.diagnosis.dependencies import Dependencies
from onward.model.status import UnitStatus
from onward.views.words import harmless

WIDTH, HEIGHT = 152, 60
"""Of a box."""
BESIDE, BETWEEN = 16, 54
"""Room beside a box, and between two rows, for the lines."""
MOST_BESIDE = 6
"""Boxes in a row; more are put into another one."""
LONGEST_NAME, LONGEST_WORDS = 19, 23


@dataclass(frozen=True)
class Box:
    """An application in the picture."""

    name: str
    active: int
    units: int
    cause: str
    """What is wrong with it, in words; empty where it is not the cause of anything."""
    hurt: bool
    """It uses, directly or not, what is the cause."""
    x: float = 0.0
    y: float = 0.0

    @property
    def tone(self) -> str:
        """How it is marked; the words say the same."""
        if self.cause:
            return "cause"
        return "well" if self.active == self.units else "unwell"

    @property
    def words(self) -> str:
        """How it is."""
        if self.cause:
            return f"CAUSE: {self.cause}"
        return f"{self.active} of {self.units} active"


def boxes_of(graph: Dependencies, units: Iterable[UnitStatus], causes: Iterable[tuple[Cause, str]]) -> tuple[Box, ...]:
    """The applications, users above those that they use. ``causes`` come with what each is in words."""
    active = {each.name for each in units if each.state == "active"}
    said: dict[str, str] = {}
    for cause, words in causes:
        for part in cause.ends:
            application = graph.application.get(part)
            if application is not None:
                said.setdefault(application, words)
    found = []
    for number, row in enumerate(_rows(graph)):
        left = (MOST_BESIDE - len(row)) / 2
        for place, name in enumerate(row):
            of_it = graph.units[name]
            found.append(
                Box(
                    name=name,
                    active=sum(unit in active for unit in of_it),
                    units=len(of_it),
                    cause=said.get(name, ""),
                    hurt=bool(graph.beneath[name] & set(said)),
                    x=(left + place) * (WIDTH + BESIDE) + BESIDE / 2,
                    y=number * (HEIGHT + BETWEEN) + 4,
                )
            )
    return tuple(found)


def picture_of(graph: Dependencies, boxes: Iterable[Box]) -> Markup:
    """The boxes with a line from each user to what it uses. Its style sheet is the page's."""
    places = {each.name: each for each in boxes}
    if not places:
        return Markup("")
    left = min(each.x for each in places.values()) - 6
    right = max(each.x for each in places.values()) + WIDTH + 6
    height = max(each.y for each in places.values()) + HEIGHT + 6
    lines = [
        _line(places[user], places[used])
        for user in places
        for used in graph.uses.get(user, ())
        if used in places and used != user
    ]
    causes = ", ".join(f"{each.name} ({each.cause})" for each in places.values() if each.cause)
    said = f"Who uses whom; the cause is marked: {causes}" if causes else "Who uses whom; no cause is named"
    return Markup(
        '<svg class="graph" role="img" aria-label="{}" viewBox="{:.0f} 0 {:.0f} {:.0f}" width="{:.0f}" '
        'height="{:.0f}">{}{}</svg>'
    ).format(
        harmless(said),
        left,
        right - left,
        height,
        right - left,
        height,
        Markup("").join(lines),
        Markup("").join(_box(each) for each in places.values()),
    )


def _rows(graph: Dependencies) -> list[list[str]]:
    """The applications by how many stand beneath each other: above, what nobody uses."""
    depth: dict[str, int] = {}

    def deep(name: str, above: frozenset[str]) -> int:
        if name not in depth:
            used = [each for each in graph.uses.get(name, ()) if each in graph.units and each not in above]
            depth[name] = max((deep(each, above | {name}) + 1 for each in used), default=0)
        return depth[name]

    by_depth: dict[int, list[str]] = defaultdict(list)
    for name in graph.units:
        by_depth[deep(name, frozenset({name}))].append(name)
    rows = []
    for number in sorted(by_depth, reverse=True):
        names = by_depth[number]
        parts = -(-len(names) // MOST_BESIDE)
        size = -(-len(names) // parts)
        rows += [names[first : first + size] for first in range(0, len(names), size)]
    return rows


def _line(user: Box, used: Box) -> Markup:
    begin, end = user.x + WIDTH / 2, used.x + WIDTH / 2
    top, bottom = user.y + HEIGHT, used.y
    if used.y <= user.y:
        # Of a circle: from side to side.
        top, bottom = user.y + HEIGHT / 2, used.y + HEIGHT / 2
    middle = (top + bottom) / 2
    return Markup('<path class="edge{}" d="M{:.0f} {:.0f}C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}"/>').format(
        " hurt" if used.cause or (used.hurt and user.hurt) else "", begin, top, begin, middle, end, middle, end, bottom
    )


def _box(box: Box) -> Markup:
    lines = ["CAUSE", box.cause] if box.cause else [box.words]
    first = 44.0 if len(lines) == 1 else 36.0
    texts = [
        Markup('<text class="how {}" x="{:.0f}" y="{:.0f}">{}</text>').format(
            box.tone, box.x + WIDTH / 2, box.y + first + place * 15, _fitted(line, LONGEST_WORDS)
        )
        for place, line in enumerate(lines)
    ]
    return Markup(
        '<g><title>{}: {}</title><rect class="box {}" x="{:.0f}" y="{:.0f}" width="{}" height="{}" rx="6"/>'
        '<text class="name" x="{:.0f}" y="{:.0f}">{}</text>{}</g>'
    ).format(
        harmless(box.name),
        box.words,
        box.tone,
        box.x,
        box.y,
        WIDTH,
        HEIGHT,
        box.x + WIDTH / 2,
        box.y + (20 if box.cause else 24),
        _fitted(box.name, LONGEST_NAME),
        Markup("").join(texts),
    )


def _fitted(text: str, longest: int) -> str:
    """As much of it as a box has room for; the whole is in its title."""
    text = harmless(text)
    return text if len(text) <= longest else text[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"


def table_of(graph: Dependencies) -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The same as words: by application, whom it uses and who uses it."""
    return {
        name: (
            tuple(each for each in graph.uses.get(name, ()) if each in graph.units),
            tuple(user for user, used in graph.uses.items() if name in used),
        )
        for name in graph.units
    }
