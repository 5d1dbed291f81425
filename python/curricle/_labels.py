"""Labels of arms that are words."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import ConfigError


def numbered(labels: ArrayLike, names: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """The names of the arms, and the number of each label: by the names if there are some, else sorted.

    >>> numbered(["b", "a", "b"], [])
    (['a', 'b'], array([1, 0, 1]))
    >>> numbered(["b", "a", "b"], ["b", "a", "c"])
    (['b', 'a', 'c'], array([0, 1, 0]))
    """
    words: NDArray[Any] = np.asarray(labels).astype(np.str_)
    found, inverse = np.unique(words, return_inverse=True)
    sorted_names = [str(name) for name in found]
    numbers = inverse.reshape(words.shape)
    if not names:
        return sorted_names, numbers
    places = {name: place for place, name in enumerate(names)}
    missing = [name for name in sorted_names if name not in places]
    if missing:
        raise ConfigError(f"arms: {missing[0]!r} is none of the names of the arms")
    return list(names), np.array([places[name] for name in sorted_names], dtype=np.intp)[numbers]
