"""Would fail if the flow chose another path than the list of all paths."""

import random

import networkx

from papers.amr_summarization.document_graph import distances
from papers.amr_summarization.paths import nearest_to_root


def exhaustive(graph: networkx.Graph, depths, one, other):
    """Of all simple paths: the shallowest node nearest to the root, the shortest, the
    nodes that come first."""
    rank = {node: place for place, node in enumerate(sorted(depths))}
    paths = networkx.all_simple_paths(graph, one, other)
    keys = [
        (
            min(depths[n] for n in p),
            len(p),
            sum(1 << rank[n] for n in p),
            tuple(sorted(p)),
        )
        for p in paths
    ]
    return min(keys)[-1] if keys else ()


def test_the_path_is_that_of_the_exhaustive_search():
    """Random connected graphs with up to five extra edges, all pairs of nodes."""
    drawn = random.Random(0)
    for size in (2, 5, 8, 11):
        for extra in (0, 1, 3, 5):
            graph = networkx.random_labeled_tree(size, seed=drawn.randrange(999))
            for _ in range(extra):
                graph.add_edge(*drawn.sample(range(size), 2))
            beside = {n: list(graph[n]) for n in graph}
            depths = distances(beside, 0)
            for one in range(size):
                for other in range(size):
                    if one != other:
                        expected = exhaustive(graph, depths, one, other)
                        assert nearest_to_root(beside, depths, one, other) == expected


def test_a_path_leads_by_the_root_where_two_ways_share_no_node():
    ring = {0: [1, 4], 1: [0, 2], 2: [1, 3], 3: [2, 4], 4: [3, 0]}
    depths = {0: 0, 1: 1, 2: 2, 3: 2, 4: 1}
    assert nearest_to_root(ring, depths, 2, 3) == (0, 1, 2, 3, 4)


def test_nodes_without_a_path_have_none():
    assert nearest_to_root({0: [], 1: []}, {0: 0}, 0, 1) == ()
