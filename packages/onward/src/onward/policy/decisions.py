"""Boolean functions in a canonical form: reduced ordered binary decision diagrams.

Two functions are the same exactly when they are the same number, whatever they were written as. A diagram may grow
exponentially in theory; policies stay small, and there is a limit for what does not.
"""

from collections.abc import Hashable, Iterable, Iterator

FALSE, TRUE = 0, 1


class TooComplex(Exception):
    """A function needs more nodes than it may have."""


class Decisions:
    """Functions of any number of variables, which share their nodes."""

    def __init__(self, most_nodes: int) -> None:
        self._most_nodes = most_nodes
        self._limit = most_nodes
        self._variables: list[Hashable] = []
        self._numbers: dict[Hashable, int] = {}
        last = 1 << 60
        self._nodes: list[tuple[int, int, int]] = [(last, FALSE, FALSE), (last, TRUE, TRUE)]
        self._known: dict[tuple[int, int, int], int] = {}
        self._computed: dict[tuple[int, int, int], int] = {}

    def grant(self) -> None:
        """Let the next functions have as many new nodes as one comparison may need."""
        self._limit = len(self._nodes) + self._most_nodes

    def variable(self, name: Hashable) -> int:
        """The function that is true when this variable is."""
        if name not in self._numbers:
            self._numbers[name] = len(self._variables)
            self._variables.append(name)
        return self._node(self._numbers[name], FALSE, TRUE)

    def negated(self, function: int) -> int:
        """True where the function is not. Raises TooComplex, as all below."""
        return self._choice(function, FALSE, TRUE)

    def all_of(self, functions: Iterable[int]) -> int:
        """True where all are."""
        result = TRUE
        for function in functions:
            result = self._choice(result, function, FALSE)
        return result

    def any_of(self, functions: Iterable[int]) -> int:
        """True where any is."""
        result = FALSE
        for function in functions:
            result = self._choice(result, TRUE, function)
        return result

    def ways(self, function: int) -> Iterator[dict[Hashable, bool]]:
        """Assignments under which the function is true, disjoint from one another, each of what matters there."""
        pending: list[tuple[int, dict[Hashable, bool]]] = [(function, {})]
        while pending:
            node, assigned = pending.pop()
            if node == TRUE:
                yield assigned
            elif node != FALSE:
                number, low, high = self._nodes[node]
                name = self._variables[number]
                pending.append((high, {**assigned, name: True}))
                # Taken first: the less somebody needs to have, the plainer the example.
                pending.append((low, {**assigned, name: False}))

    def _choice(self, condition: int, then: int, otherwise: int) -> int:
        if condition == TRUE or then == otherwise:
            return then
        if condition == FALSE:
            return otherwise
        if (then, otherwise) == (TRUE, FALSE):
            return condition
        key = (condition, then, otherwise)
        if (done := self._computed.get(key)) is not None:
            return done
        nodes = self._nodes
        top = min(nodes[condition][0], nodes[then][0], nodes[otherwise][0])
        low = self._choice(*(nodes[part][1] if nodes[part][0] == top else part for part in key))
        high = self._choice(*(nodes[part][2] if nodes[part][0] == top else part for part in key))
        result = self._computed[key] = self._node(top, low, high)
        return result

    def _node(self, number: int, low: int, high: int) -> int:
        if low == high:
            return low
        key = (number, low, high)
        if (known := self._known.get(key)) is None:
            if len(self._nodes) >= self._limit:
                raise TooComplex(f"needs more than {self._most_nodes} nodes")
            known = self._known[key] = len(self._nodes)
            self._nodes.append(key)
        return known
