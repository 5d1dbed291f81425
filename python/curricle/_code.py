"""The codes of results."""

from enum import IntEnum


class Code(IntEnum):
    """What became of a feedback, as one byte.

    Below 16 it was taken in, and the number is the verdict of the gate. From 16 on it was not.

    >>> from curricle import Code
    >>> Code.ADMIT.is_taken, Code.TOO_HARD.is_taken, Code.LATE.is_taken
    (True, True, False)
    """

    ADMIT = 0
    ZERO_SIGNAL = 1
    TOO_HARD = 2
    TOO_EASY = 3
    TOO_FEW = 4
    STALE = 5
    OWN = 6
    RETIRED = 7
    ROUTED = 8
    UNKNOWN_TICKET = 16
    REPEATED = 17
    LATE = 18
    MISSING_FIELD = 19
    NON_FINITE = 20
    OUT_OF_RANGE = 21
    UNSCORED = 22
    OTHER = 23

    @property
    def is_taken(self) -> bool:
        """Whether the feedback was taken in, whatever the gate said of it."""
        return self < Code.UNKNOWN_TICKET
