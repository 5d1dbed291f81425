"""Samplers of `torch.utils.data`, which must be installed: what a loader loads is what a curriculum draws.

A sampler hands samples out in the order of their tickets and remembers which were not reported yet, so that a loop
reports without tickets, in the order in which it trains:

>>> import torch
>>> from torch.utils.data import DataLoader, TensorDataset
>>> from curricle import Curriculum
>>> from curricle.samplers import CurriculumBatchSampler
>>> curriculum = Curriculum(100, arms=4, preset="post_training", lag=1)
>>> sampler = CurriculumBatchSampler(curriculum, 8, batches=3)
>>> for rows in DataLoader(TensorDataset(torch.arange(100.0)), batch_sampler=sampler):
...     results = sampler.observe(success=0.5, abs_advantage=0.5, rollouts=8)  # of these rows
>>> curriculum.counts()["admitted"]
24

**Lag.** What is loaded ahead is drawn before the feedback of what is trained on: build the curriculum with a `lag` of at
least as many draws as are fetched ahead. That is 1 behind `accelerate` and the trainers that stand on it, `prefetch_factor
* num_workers` with worker processes, 0 else.

**Resuming.** Save `state_dict()` beside the model, after `observe`, and load it before the loader is iterated: samples
that had been handed out and not reported come first, then the draws go on. A `StatefulDataLoader` without workers does
both by itself. With workers its state is that of the moment in which a batch was asked for, which lacks feedback: keep
the sampler's own, as with `accelerator.register_for_checkpointing(sampler)`.

**Ranks.** Each runs the whole sampler and reports what all ranks gathered, in the order of ranks: `gathered`.
"""

import operator
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch.utils.data import Sampler

from ._core import Batch, Curriculum, Results
from ._errors import FinishedError, LengthError, OutOfRangeError, UnsupportedError

__all__ = ["CurriculumBatchSampler", "CurriculumSampler", "gathered"]

_T = TypeVar("_T")


def _length(value: Any) -> int | None:
    """How many tickets a field is of; None for a number, and for a word."""
    if isinstance(value, str):
        return None
    try:
        return len(value)
    except TypeError:
        return None


def _count(what: str, value: int, least: int) -> int:
    """A whole number that is not too small."""
    if operator.index(value) < least:
        raise OutOfRangeError(f"{what} are {value}, outside [{least}, inf]")
    return operator.index(value)


class _Draws:
    """The draws of a curriculum in the order in which they are handed out, and which of them were not reported."""

    def __init__(self, curriculum: Curriculum, n: int, draws: int | None) -> None:
        self.curriculum, self.n = curriculum, _count("samples of a draw", n, 1)
        self.draws = None if draws is None else _count("draws of an iteration", draws, 0)
        self._given, self._is_resumed = 0, False
        self._again: deque[Batch] = deque()
        self._open: deque[int] = deque()
        #: The pass that is under way: one that has been superseded hands out nothing more.
        self._pass = object()

    def _iterate(self) -> Iterator[Batch]:
        """A new pass, or the rest of the one that was saved. What an abandoned one left unreported comes first. It begins
        when it is first asked, since loaders may make an iterator and drop it."""
        self._pass = mine = object()
        if not self._is_resumed:
            self._given, self._again = 0, deque(self.curriculum.unfinished())
            self._open.clear()
        self._is_resumed = False
        while self.draws is None or self._given < self.draws:
            try:
                batch = self._again.popleft() if self._again else self.curriculum.draw(self.n)
            except FinishedError:
                return
            self._open.extend(batch.tickets.tolist())
            self._given += 1
            yield batch
            if self._pass is not mine:
                raise UnsupportedError(
                    "the iteration of a sampler has ended, since another one has begun"
                )

    def _length(self) -> int:
        if self.draws is None:
            raise TypeError("the length of a sampler that ends with its curriculum is not known")
        return self.draws

    @property
    def pending(self) -> list[int]:
        """The tickets of what was handed out and not reported, the oldest first."""
        return list(self._open)

    def _use(self, n: int | None, use: Callable[[list[int]], _T]) -> _T:
        """Takes the oldest tickets for a verb, and has them again if it raises."""
        n = min(self.n, len(self._open)) if n is None else _count("samples", n, 0)
        if n > len(self._open):
            raise LengthError(
                f"outcomes: {n}, but {len(self._open)} samples are handed out and not reported"
            )
        tickets = [self._open.popleft() for _ in range(n)]
        try:
            return use(tickets)
        except BaseException:
            self._open.extendleft(reversed(tickets))
            raise

    def observe(self, **fields: Any) -> Results:
        """Reports the samples that were handed out first and are not reported yet: as many as the fields have elements, or
        a draw where they are numbers. The fields are those of `Curriculum.observe`; tensors may be on any device. All are
        taken in, or none and an error is raised, unless `strict=False`.

        Raises `LengthError` where more are reported than were handed out, and what `Curriculum.observe` raises; nothing
        has changed then. Where samples are loaded ahead, a report that is made twice, or of too few, is taken for one of
        the next: report each batch once.
        """
        fields.setdefault("strict", True)
        lengths = {length for length in map(_length, fields.values()) if length is not None}
        if len(lengths) > 1:
            raise LengthError(f"outcomes: fields of different lengths, {sorted(lengths)}")
        n = next(iter(lengths), None)
        return self._use(n, lambda tickets: self.curriculum.observe(tickets, **fields))

    def observe_or_lose(self, *lost: type[Exception], **fields: Any) -> Results:
        """Reports as `observe` does, but gives up those that are refused with one of these errors, such as `NonFiniteError`;
        the others are taken in. Any other error is raised, once that is done: the samples that are refused with it are
        pending still."""
        for kind in lost:
            if not (isinstance(kind, type) and issubclass(kind, BaseException)):
                raise TypeError(f"a class of exceptions is expected, not {kind!r}")
        tickets = self.pending
        results = self.observe(**{**fields, "strict": False})
        refused = results.errors
        given_up = [place for place, error in refused.items() if isinstance(error, lost)]
        self.curriculum.lose([tickets[place] for place in given_up])
        others = [place for place in refused if place not in given_up]
        self._open.extendleft(tickets[place] for place in reversed(others))
        if others:
            raise refused[others[0]]
        return results

    def lose(self, n: int | None = None) -> None:
        """Gives up the samples that were handed out first, a draw or so many: their outcomes will not come."""
        self._use(n, self.curriculum.lose)

    def state_dict(self) -> dict[str, Any]:
        """The state of the curriculum, and how many draws of this pass were reported."""
        handed = len(self.curriculum.unfinished()) - len(self._again)
        given = max(0, self._given - handed)
        # Of a pass that is over nothing is left.
        is_over = self.draws is not None and given >= self.draws
        return {**self.curriculum.state_dict(), "given": 0 if is_over else given}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a state, as `Curriculum.load_state_dict` does; the next iteration goes on with it."""
        given = _count("draws that were reported", state["given"], 0)
        self.curriculum.load_state_dict(state)
        self._given, self._is_resumed = given, True
        self._again = deque(self.curriculum.unfinished())
        self._open.clear()


class CurriculumBatchSampler(_Draws, Sampler[list[int]]):
    """Batches for `DataLoader(dataset, batch_sampler=...)`: one draw of `batch_size` samples each.

    An iteration ends after `batches`, or with the curriculum where it is None.
    """

    def __init__(self, curriculum: Curriculum, batch_size: int, *, batches: int | None = None) -> None:
        super().__init__(curriculum, batch_size, batches)
        # What accelerate asks a sampler of batches for.
        self.batch_size, self.drop_last = batch_size, True

    def __iter__(self) -> Iterator[list[int]]:
        return (batch.samples.tolist() for batch in self._iterate())

    def __len__(self) -> int:
        """How many batches an iteration has; a `TypeError` where nobody said."""
        return self._length()


class CurriculumSampler(_Draws, Sampler[int]):
    """Samples for `DataLoader(dataset, sampler=...)`, one after the other, of draws of `n` samples.

    An iteration ends after `draws` of them, or with the curriculum where it is None. Each draw is handed out `repeats`
    times, with `copies` of each sample in a row, as training on groups of rollouts asks for; a sample is reported once.
    """

    def __init__(
        self,
        curriculum: Curriculum,
        n: int,
        *,
        draws: int | None = None,
        copies: int = 1,
        repeats: int = 1,
    ) -> None:
        super().__init__(curriculum, n, draws)
        self.copies, self.repeats = _count("copies", copies, 1), _count("repeats", repeats, 1)

    def __iter__(self) -> Iterator[int]:
        return (
            sample
            for batch in self._iterate()
            for _ in range(self.repeats)
            for sample in batch.samples.repeat(self.copies).tolist()
        )

    def __len__(self) -> int:
        """How many numbers an iteration gives; a `TypeError` where nobody said."""
        return self._length() * self.n * self.copies * self.repeats


def gathered(accelerator: Any, **fields: torch.Tensor) -> dict[str, torch.Tensor]:
    """The fields of all ranks, in the order of ranks, which is that of tickets: for `observe`, on each of them.

    `accelerator` is the `Accelerator` that has prepared the loader; its ranks train on batches one behind the other, or
    on parts of one batch with `split_batches`.
    """
    return {name: accelerator.gather(value) for name, value in fields.items()}
