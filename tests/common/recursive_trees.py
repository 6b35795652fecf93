"""The recursive definition of a tree LSTM, in numpy: a node at a time."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def recurse(projected, recurrent, children, kind, own_gates=False):
    """(h, c) of all nodes, in float64.

    projected [nodes, 4 features]; recurrent [types, features, (3 + types) features];
    children: a list of nodes for each node, without cycles.
    """
    types, d, _ = recurrent.shape
    u = recurrent.reshape(types, d, 3 + types, d)
    states = {}

    def state(node):
        if node in states:
            return states[node]
        below = [(kind[k], *state(k)) for k in children[node]]
        z_i, z_f, z_u, z_o = np.split(projected[node], 4)
        i = sigmoid(z_i + sum(h @ u[t, :, 0] for t, h, _ in below))
        g = np.tanh(z_u + sum(h @ u[t, :, 1 + types] for t, h, _ in below))
        o = sigmoid(z_o + sum(h @ u[t, :, 2 + types] for t, h, _ in below))
        c = i * g
        for k, own_h, own_c in below:
            if own_gates:
                f = sigmoid(z_f + own_h @ u[k, :, 1])
            else:
                f = sigmoid(z_f + sum(h @ u[t, :, 1 + k] for t, h, _ in below))
            c = c + f * own_c
        states[node] = o * np.tanh(c), c
        return states[node]

    found = [state(node) for node in range(len(projected))]
    return np.array([h for h, _ in found]), np.array([c for _, c in found])


def below(parent):
    """The children of each node."""
    return [
        [k for k, p in enumerate(parent) if p == node] for node in range(len(parent))
    ]


def above(parent):
    """Each node's head as its only child, as the way down has it."""
    return [[p] if p >= 0 else [] for p in parent]


def path(parent, first, last):
    """The nodes of both sides, from each word up to below the top, and the top."""

    def up(node):
        found = [node]
        while parent[found[-1]] >= 0:
            found.append(parent[found[-1]])
        return found

    left, right = up(first), up(last)
    top = next(node for node in left if node in right)
    return left[: left.index(top)], right[: right.index(top)], top


def random_tree(rng, nodes):
    """The heads of a random tree whose root may be any node."""
    order = rng.permutation(nodes)
    parent = np.full(nodes, -1)
    for i in range(1, nodes):
        parent[order[i]] = order[rng.integers(i)]
    return parent
