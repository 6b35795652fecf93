"""The path between two nodes of a sentence's graph that comes nearest to its root.

Of all simple paths the one counts whose shallowest node is nearest to the root; of
equal ones the shortest, then the one whose nodes come first. The released code lists
all paths, whose number grows exponentially. Here a flow of two units finds the same
one: a path through x is two ways from x that share no node.
"""

from collections import deque
from collections.abc import Mapping, Sequence

Beside = Mapping[int, Sequence[int]]  # {node: its neighbours}
_IN, _OUT = 0, 1  # the two halves of a node
_END = (-1, _OUT)


def nearest_to_root(
    beside: Beside, depths: Mapping[int, int], one: int, other: int
) -> tuple[int, ...]:
    """The nodes of the path, sorted; () where there is none.

    depths: of every node, from the root.
    """
    if one not in depths or other not in depths:
        return ()
    if one == other:
        return (one,)
    rank = {node: place for place, node in enumerate(sorted(depths))}
    # A node costs 1, and a little that tells the sets of nodes of one size apart.
    unit = 1 << (len(rank) + 1)
    costs = {node: unit + (1 << rank[node]) for node in rank}
    for depth in range(max(depths.values()) + 1):
        at_depth = [n for n in sorted(depths) if depths[n] == depth]
        found = [_through(beside, costs, n, one, other) for n in at_depth]
        found = [each for each in found if each]
        if found:
            return min(found, key=lambda nodes: sum(costs[n] for n in nodes))
    return ()


def _through(
    beside: Beside, costs: Mapping[int, int], middle: int, one: int, other: int
) -> tuple[int, ...]:
    """The nodes of the cheapest simple path between two that has `middle` on it."""
    ends = {one, other} - {middle}
    arcs = _arcs(beside, costs, middle, ends)
    used: set[tuple] = set()
    for _ in ends:
        way = _cheapest(arcs, (middle, _OUT), _END)
        if not way:
            return ()
        for start, stop in way:  # turn the way round: the next one may undo it
            cost = arcs[start].pop(stop)
            arcs.setdefault(stop, {})[start] = -cost
            if (stop, start) in used:
                used.remove((stop, start))
            else:
                used.add((start, stop))
    inside = [start[0] for start, stop in used if start[1] == _IN]
    return tuple(sorted({middle, *inside}))


def _arcs(
    beside: Beside, costs: Mapping[int, int], middle: int, ends: set[int]
) -> dict[tuple, dict[tuple, int]]:
    """Every node is two, with an arc of its cost between them that one way may take."""
    arcs: dict[tuple, dict[tuple, int]] = {_END: {}}
    for node, cost in costs.items():
        arcs[node, _IN] = {(node, _OUT): cost}
        near = [] if node in ends else beside[node]
        arcs[node, _OUT] = {(n, _IN): 0 for n in near if n != middle}
        if node in ends:
            arcs[node, _OUT][_END] = 0
    return arcs


def _cheapest(
    arcs: Mapping[tuple, Mapping[tuple, int]], start: tuple, end: tuple
) -> list[tuple[tuple, tuple]]:
    """The arcs of the cheapest way; costs may be negative, circles are not (Bellman and
    Ford)."""
    total = {start: 0}
    before: dict[tuple, tuple] = {}
    todo = deque([start])
    waiting = {start}
    while todo:
        at = todo.popleft()
        waiting.discard(at)
        for to, cost in arcs[at].items():
            if to not in total or total[at] + cost < total[to]:
                total[to] = total[at] + cost
                before[to] = at
                if to not in waiting:
                    todo.append(to)
                    waiting.add(to)
    if end not in total:
        return []
    way = []
    while end != start:
        way.append((before[end], end))
        end = before[end]
    return way[::-1]
