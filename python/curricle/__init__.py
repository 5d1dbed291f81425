"""An adaptive curriculum and data-selection engine: it decides which samples a model trains on next.

A `Curriculum` is built over the numbers `0..n` of your samples. `draw` gives a `Batch`; train on it; `observe` takes
what was seen of each ticket, and says which of them are worth a gradient step.

>>> from curricle import Curriculum
>>> curriculum = Curriculum(1000, arms=4, preset="post_training", gate="zero_signal", seed=7)
>>> batch = curriculum.draw(32)
>>> rewards = [[1, 0, 0, 1, 0, 0, 0, 0]] * 32  # of eight rollouts of each prompt
>>> results = curriculum.observe(batch.tickets, rewards=rewards)
>>> bool(results.admitted.all())
True
"""

from ._code import Code
from ._config import PRESETS
from ._core import (
    Batch,
    Curriculum,
    Journal,
    Replicated,
    Results,
    Step,
    Table,
    fingerprint,
    merge,
    outcomes_of_groups,
)
from ._errors import (
    AwaitingError,
    BatchExceedsPoolError,
    ConfigError,
    ConflictError,
    CostError,
    DivergedError,
    DtypeError,
    DuplicateError,
    EmptyError,
    Error,
    FileError,
    FinishedError,
    FrameError,
    HoldError,
    JournalError,
    LateTicketError,
    LengthError,
    MissingFieldError,
    NonFiniteError,
    NothingToDrawError,
    OutOfRangeError,
    RanksError,
    RepeatedTicketError,
    ShapeError,
    SnapshotError,
    TableError,
    TicketError,
    TransportError,
    UnknownArmError,
    UnknownSampleError,
    UnknownTicketError,
    UnscoredError,
    UnsupportedError,
    WeightOverflowError,
)
from ._explanation import Explanation

__all__ = [
    "PRESETS",
    "AwaitingError",
    "Batch",
    "BatchExceedsPoolError",
    "Code",
    "ConfigError",
    "ConflictError",
    "CostError",
    "Curriculum",
    "DivergedError",
    "DtypeError",
    "DuplicateError",
    "EmptyError",
    "Error",
    "Explanation",
    "FileError",
    "FinishedError",
    "FrameError",
    "HoldError",
    "Journal",
    "JournalError",
    "LateTicketError",
    "LengthError",
    "MissingFieldError",
    "NonFiniteError",
    "NothingToDrawError",
    "OutOfRangeError",
    "RanksError",
    "RepeatedTicketError",
    "Replicated",
    "Results",
    "ShapeError",
    "SnapshotError",
    "Step",
    "Table",
    "TableError",
    "TicketError",
    "TransportError",
    "UnknownArmError",
    "UnknownSampleError",
    "UnknownTicketError",
    "UnscoredError",
    "UnsupportedError",
    "WeightOverflowError",
    "fingerprint",
    "merge",
    "outcomes_of_groups",
]
