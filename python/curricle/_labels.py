"""Labels of arms that are words."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import ConfigError


def _words(labels: Iterable[Any]) -> list[str]:
    """The labels as they are: NumPy would make a text of what is none, and cut off zeros at its end."""
    if isinstance(labels, str | bytes):
        raise ConfigError("arms: a label for each sample is expected, not one text")
    words = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    for sample, word in enumerate(words):
        if not isinstance(word, str):
            raise ConfigError(f"arms: the label of sample {sample} is {word!r}, which is no text")
    return words


def numbered(labels: Iterable[Any], names: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """The names of the arms, and the number of each label: by the names if there are some, else sorted.

    >>> numbered(["b", "a", "b"], [])
    (['a', 'b'], array([1, 0, 1]))
    >>> numbered(["b", "a", "b"], ["b", "a", "c"])
    (['b', 'a', 'c'], array([0, 1, 0]))
    """
    words = _words(labels)
    found = sorted(set(words))
    for name in found:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(f"arms: {name!r} is no text: {error.reason}") from None
    places = {name: place for place, name in enumerate(names or found)}
    missing = [name for name in found if name not in places]
    if missing:
        raise ConfigError(f"arms: {missing[0]!r} is none of the names of the arms")
    return list(names or found), np.array([places[word] for word in words], dtype=np.intp)
