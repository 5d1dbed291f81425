"""One family of exceptions: `Error`, and a class for each kind. The text says what was wrong."""


class Error(Exception):
    """What was wrong with an input, a request or a file. Whatever raises it has changed nothing, but that a failed
    draw may have learned what was due."""


class ShapeError(Error, ValueError):
    """An array has another number of dimensions than can be taken."""


class DtypeError(Error, TypeError):
    """An array has elements of a type that cannot be taken."""


class OutOfRangeError(Error, ValueError):
    """A number lies outside its closed range."""

    what: str
    value: float
    low: float
    high: float


class NonFiniteError(Error, ValueError):
    """A number is NaN or infinite. `index` is the sample, arm, ticket or position that it belongs to."""

    what: str
    index: int
    value: float


class LengthError(Error, ValueError):
    """A list has the wrong number of elements."""


class EmptyError(Error, ValueError):
    """There is nothing to compute from."""


class DuplicateError(Error, ValueError):
    """Two elements of a list are the same that must not be."""


class WeightOverflowError(Error, OverflowError):
    """The sum of all weights does not fit 64 bits."""


class UnknownSampleError(Error, LookupError):
    """The sample was never inserted, or has been removed."""


class UnknownArmError(Error, LookupError):
    """No arm has this number."""


class TicketError(Error, ValueError):
    """A ticket whose feedback cannot be taken in."""

    ticket: int


class UnknownTicketError(TicketError):
    """No draw has been given this ticket yet."""


class RepeatedTicketError(TicketError):
    """The outcome of this ticket has been reported before."""


class LateTicketError(TicketError):
    """This ticket has been given up: its outcome comes too late."""


class MissingFieldError(TicketError):
    """The signal, the policy or the gate needs a field that the outcome does not carry."""

    field: str


class UnscoredError(Error, ValueError):
    """None of the rollouts of a group could be scored; its ticket can be given up with `lose`."""


class AwaitingError(Error):
    """The next draw depends on feedback that has not come: `missing` tickets of `round`, the `first` of which is
    this one."""

    round: int
    missing: int
    first: int


class HoldError(Error):
    """As many tickets are in flight as may be: report or lose some."""

    open: int
    want: int
    most: int


class FinishedError(Error):
    """The stop rule says that nothing more is drawn."""


class NothingToDrawError(Error):
    """No sample has a positive weight in an arm with a positive probability."""


class BatchExceedsPoolError(Error):
    """More distinct samples were asked for than there are."""

    want: int
    available: int


class CostError(Error):
    """A sample does not fit into a batch of at most so much cost, or its cost is not known."""


class UnsupportedError(Error):
    """A part cannot do what another part asks of it."""


class ConfigError(Error, ValueError):
    """A configuration could not be accepted. `path` has the keys that lead to what is wrong."""

    path: str = "."


class SnapshotError(Error):
    """A state could not be accepted."""


class JournalError(Error):
    """A journal could not be read, or cannot be written to."""


class TableError(Error):
    """A table of scores could not be accepted."""


class FileError(Error, OSError):
    """The operating system refused a read or a write: `errno`, `strerror` and `filename` are those of `OSError`; without a
    number of the system `errno` is None."""

    def __str__(self) -> str:
        return f"{self.strerror}: {self.filename!r}" if self.errno is None else super().__str__()


class RanksError(Error):
    """Ranks that hold the same curriculum could not exchange what they have. Nothing has been taken in or drawn."""

    ranks: list[int]


class DivergedError(RanksError):
    """Ranks have come to differ; `ranks` are those that say otherwise than most."""


class FrameError(RanksError):
    """The frame of one of the `ranks` did not arrive as it was sent."""


class ConflictError(RanksError):
    """The `ranks` report different outcomes of one `ticket`, which any of them can `lose`."""

    ticket: int


class TransportError(RanksError):
    """What carries the frames has failed; `__cause__` is what it raised."""

    ranks: list[int] = []  # noqa: RUF012
