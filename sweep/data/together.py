"""Parts of images of which some stay together: copies, which no two parts are to share."""

from dataclasses import dataclass

import numpy as np

from normsweep.data.apportion import apportion


@dataclass(frozen=True)
class Together:
    """Images in units that are never divided, class by class in a random order.

    Attributes:
        units: for each class its units, each [m] indices; a unit of several classes is in that of
            its first image.
    """

    units: tuple[tuple[np.ndarray, ...], ...]

    @classmethod
    def of(cls, classes: list[np.ndarray], groups: np.ndarray) -> "Together":
        """Those of index arrays, one for each class, by their numbers in `groups`."""
        everything = np.concatenate(classes)
        _, firsts, unit_of = np.unique(groups[everything], return_index=True, return_inverse=True)
        by_unit = np.argsort(unit_of, kind="stable")
        members = np.split(everything[by_unit], np.cumsum(np.bincount(unit_of))[:-1])
        bounds = np.cumsum([len(each) for each in classes])
        home = np.searchsorted(bounds, firsts, side="right")
        found: list[list[np.ndarray]] = [[] for _ in classes]
        for unit in np.argsort(firsts):
            found[home[unit]].append(members[unit])
        return cls(tuple(map(tuple, found)))

    def split(self, number: int) -> tuple[np.ndarray, "Together"]:
        """About so many indices, each class in its share as nearly as units allow; and the rest.

        Never more, but for the smallest unit where all are larger than that.
        """
        sizes = np.array([sum(map(len, units)) for units in self.units])
        quotas = apportion(sizes, number).tolist()
        left = [list(units) for units in self.units]
        taken: list[np.ndarray] = []

        def take(units: list[np.ndarray], room: int) -> int:
            """Moves the first ones that there is room for; returns what room is left."""
            kept = []
            for unit in units:
                if len(unit) <= room:
                    taken.append(unit)
                    room -= len(unit)
                else:
                    kept.append(unit)
            units[:] = kept
            return room

        room = sum(take(units, quota) for units, quota in zip(left, quotas, strict=True))
        # What the units of a class were too large for, others may fill.
        for units in left:
            room = take(units, room)
        if number and not taken:
            smallest = min((min(map(len, units)), c) for c, units in enumerate(left) if units)
            take(left[smallest[1]], smallest[0])
        indices = np.concatenate(taken) if taken else np.array([], np.int64)
        return indices, Together(tuple(map(tuple, left)))

    def dealt(self, folds: int) -> np.ndarray:
        """[folds, n_fold] indices: units dealt to folds of one size, which is as large as can be.

        The largest come first, each to the fold that has the fewest of its class, and of these to
        the emptiest: so single images, dealt last, even out what the others left uneven. Of a unit
        that is larger than a fold, or than the room that is left, the rest is in none.
        """
        classes = [(c, unit) for c, units in enumerate(self.units) for unit in units]
        # Python's sort is stable: units of one size stay in their random order, class by class.
        classes.sort(key=lambda entry: -len(entry[1]))
        size = _largest(np.array([len(unit) for _, unit in classes], np.int64), folds)
        rows: list[list[np.ndarray]] = [[] for _ in range(folds)]
        room = [size] * folds
        of_class = [[0] * folds for _ in self.units]
        for of, unit in classes:
            counts, needed = of_class[of], len(unit)
            fitting = [fold for fold in range(folds) if room[fold] >= needed]
            if fitting:
                fold = min(fitting, key=lambda f: (counts[f], -room[f]))
            else:
                fold = max(range(folds), key=room.__getitem__)
                needed = room[fold]
            rows[fold].append(unit[:needed])
            room[fold] -= needed
            counts[fold] += needed
        # What is too much for the others is taken from the copies, which were dealt first.
        full = size - max(room)
        none = np.array([], np.int64)
        return np.stack([(d := np.concatenate([*row, none]))[len(d) - full :] for row in rows])


def _largest(sizes: np.ndarray, folds: int) -> int:
    """The size of equal folds that units allow, none of which gives a fold more than it holds."""
    size = int(sizes.sum()) // folds
    while (less := int(np.minimum(sizes, size).sum()) // folds) < size:
        size = less
    return size
