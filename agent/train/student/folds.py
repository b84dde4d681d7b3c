"""Which seconds are judged together, by a student that heard nothing of them: whole groups, never a part."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from agent.hearing.sound import SOUNDS
from agent.train.errors import MaterialError
from agent.train.student.strangers import Labels

FOLDS = 5
"""Folds that groups are dealt to, where a label file deals none."""

Folds = NDArray[np.int64]
"""The fold of each second, (n,), from 0 on."""


def deal(files: Sequence[str], groups: Sequence[str], given: Sequence[int | None], truth: Labels) -> Folds:
    """Deal seconds to folds: one that is given stays, the others share sounds as evenly as groups allow.

    Neither a group nor a recording is torn: what shares one of them goes together.

    Args:
        files: recording of each second, (n,).
        groups: what each second is made of, (n,).
        given: its fold from 0 on, or None; one is enough for all that goes with it.
        truth: its sound, (n,).

    Raises:
        MaterialError: folds that are given tear a group or recording, there are fewer than two folds, or
            all seconds of a sound are in one.
    """
    bundle = _bundles(files, groups)
    fixed = _fixed(bundle, given, files, groups)
    free = ~np.isin(bundle, list(fixed))
    folds = np.array([fixed.get(b, -1) for b in bundle.tolist()], np.int64)
    if free.any():
        names = sorted({*fixed.values(), *range(FOLDS)})
        folds[free] = np.array(names)[_share(bundle[free], truth[free], len(names))]
    _refuse_poor(folds, truth, groups)
    return folds


def _bundles(files: Sequence[str], groups: Sequence[str]) -> NDArray[np.int64]:
    """Number what hangs together by recordings and groups: (n,)."""
    _, file = np.unique(np.array(files), return_inverse=True)
    _, group = np.unique(np.array(groups), return_inverse=True)
    nodes = int(file.max()) + int(group.max()) + 2
    links = coo_array((np.ones(len(files)), (file, group + file.max() + 1)), shape=(nodes, nodes))
    _, component = connected_components(links, directed=False)
    bundle: NDArray[np.int64] = component[file].astype(np.int64)
    return bundle


def _fixed(
    bundle: NDArray[np.int64], given: Sequence[int | None], files: Sequence[str], groups: Sequence[str]
) -> dict[int, int]:
    """Return the fold of each bundle that has one."""
    fixed: dict[int, int] = {}
    for index, (b, fold) in enumerate(zip(bundle.tolist(), given, strict=True)):
        if fold is not None and fixed.setdefault(b, fold) != fold:
            raise MaterialError(
                f"folds {fixed[b]} and {fold} share the group {groups[index]} or the recording "
                f"{files[index]}: give both the same fold, or leave the column `fold` empty"
            )
    return fixed


def _share(bundle: NDArray[np.int64], truth: Labels, folds: int) -> Folds:
    """Share bundles among folds from 0 on, each with about the same seconds of every sound."""
    folds = min(folds, len(np.unique(bundle)), int(np.bincount(truth).max()))
    result = np.zeros(len(bundle), np.int64)
    if folds > 1:
        with warnings.catch_warnings():
            # It warns of a sound with fewer seconds than folds; what cannot be judged is refused below.
            warnings.simplefilter("ignore", UserWarning)
            splits: Any = StratifiedGroupKFold(folds).split(truth, truth, bundle)
            for fold, (_, held_out) in enumerate(splits):
                result[held_out] = fold
    return result


def _refuse_poor(folds: Folds, truth: Labels, groups: Sequence[str]) -> None:
    for index, sound in enumerate(SOUNDS):
        own = truth == index
        if own.any() and len(np.unique(folds[own])) < 2:
            several = sorted({groups[i] for i in np.flatnonzero(own).tolist()})
            raise MaterialError(
                f"all seconds of {sound} would be judged together, by a student that never heard it "
                f"({', '.join(several[:3])}{', …' * (len(several) > 3)}): add recordings of other "
                "groups (speakers, songs, tones), or tell more of them apart in the column `group`"
            )
