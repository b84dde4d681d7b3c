"""A fitted forest's trees without what only training reads: less than half the memory, the same votes.

scikit-learn keeps the shares of all classes at every node, and a node for every leaf. Only what leaves say is
asked for, and many say the same. So a tree keeps its branches, which scikit-learn's compiled code walks, and
one leaf for each different thing that its leaves say: a row of a table that the whole forest reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float64]
"""Shares of the classes at leaves, (n, classes), each row sums to 1."""

_LEAF = -1
"""scikit-learn's `TREE_LEAF`: the child of a node without children."""


@dataclass(frozen=True, slots=True, eq=False)
class LeanTree:
    """One tree that says what scikit-learn's `Tree` says that it was made of."""

    branches: Any
    """A `Tree` of no outputs."""
    row_of: NDArray[np.unsignedinteger[Any]]
    """Row of `shares` for each leaf by its node's number, (nodes,); 0 for other nodes."""
    shares: Shares
    """All different shares of the forest."""

    def predict(self, vectors: NDArray[np.float32]) -> Shares:
        """Return the shares of (n, features) vectors, (n, classes): bit by bit those of `Tree.predict`."""
        leaves: NDArray[np.intp] = self.branches.apply(vectors)
        return self.shares.take(self.row_of.take(leaves), axis=0)


def lean(trees: Sequence[Any]) -> tuple[LeanTree, ...]:
    """Make lean trees of a forest's fitted ones (`tree_`), at least one; those stay as they are."""
    row_of_shares: dict[bytes, int] = {}
    kept = [_branches(tree, row_of_shares) for tree in trees]
    table = np.frombuffer(b"".join(row_of_shares)).reshape(len(row_of_shares), -1)
    smallest = np.min_scalar_type(len(table) - 1)
    return tuple(LeanTree(branches, rows.astype(smallest), table) for branches, rows in kept)


def _branches(tree: Any, row_of_shares: dict[bytes, int]) -> tuple[Any, NDArray[np.intp]]:
    """Return a tree without outputs, and the row of what each leaf says; rows that are new are entered.

    Leaves that say the same become one, so it is no tree any more, but every way through it ends as before.
    """
    nodes, shares = tree.__getstate__()["nodes"], tree.value[:, 0]
    is_leaf = nodes["left_child"] == _LEAF
    inner, leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
    as_bytes = shares[leaves].view(f"V{shares[0].nbytes}")[:, 0].tolist()
    row_of_leaf = [row_of_shares.setdefault(row, len(row_of_shares)) for row in as_bytes]
    rows, first, which = np.unique(row_of_leaf, return_index=True, return_inverse=True)

    fewer = nodes.take(np.concatenate([inner, leaves[first]]))
    moved = np.empty(len(nodes), np.intp)
    moved[inner] = np.arange(len(inner))
    moved[leaves] = len(inner) + which
    for side in ("left_child", "right_child"):
        fewer[side][: len(inner)] = moved[nodes[side][inner]]

    branches = type(tree)(tree.n_features, np.ones(1, np.intp), 0)
    values = np.empty((len(fewer), 0, 1))
    branches.__setstate__(
        {"max_depth": tree.max_depth, "node_count": len(fewer), "nodes": fewer, "values": values}
    )
    return branches, np.concatenate([np.zeros(len(inner), np.intp), rows])
