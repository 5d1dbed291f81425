"""What carries the frames of ranks that hold the same curriculum: `Replicated(curriculum, exchange)`.

An exchange is any object with `rank`, `size` and `all_gather`; here are those of one process, of threads, of
`torch.distributed` and of MPI.
"""

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

__all__ = ["Alone", "Exchange", "MpiGroup", "Threads", "TorchGroup"]


class Exchange(Protocol):
    """Hands each rank the frames of all."""

    @property
    def rank(self) -> int:
        """The number of this rank, from 0."""

    @property
    def size(self) -> int:
        """How many ranks there are."""

    def all_gather(self, frame: bytes) -> Sequence[bytes]:
        """Gives a frame to all ranks and returns those of all, by rank. All ranks call it equally often."""


class Alone:
    """One rank, which has nobody to talk to."""

    rank, size = 0, 1

    def all_gather(self, frame: bytes) -> list[bytes]:
        return [frame]


class Threads:
    """One of `size` ranks that are threads of this process; `group` makes all of them.

    >>> import threading
    >>> from curricle import Curriculum, Replicated
    >>> from curricle.ranks import Threads
    >>> parts = {}
    >>> def train(rank):
    ...     feed = Replicated(Curriculum(100, seed=3), rank)
    ...     parts[rank.rank] = feed.draw(2).tickets.tolist()
    >>> threads = [threading.Thread(target=train, args=(rank,)) for rank in Threads.group(2)]
    >>> for thread in threads: thread.start()
    >>> for thread in threads: thread.join()
    >>> parts[0], parts[1]
    ([0, 1], [2, 3])
    """

    def __init__(self, rank: int, frames: list[bytes], barrier: threading.Barrier) -> None:
        self.rank, self.size, self._frames, self._barrier = rank, len(frames), frames, barrier

    @classmethod
    def group(cls, size: int) -> list["Threads"]:
        """All ranks of a group, one for each thread."""
        frames, barrier = [b""] * size, threading.Barrier(size)
        return [cls(rank, frames, barrier) for rank in range(size)]

    def all_gather(self, frame: bytes) -> list[bytes]:
        self._frames[self.rank] = frame
        self._barrier.wait()
        gathered = list(self._frames)
        self._barrier.wait()
        return gathered

    def leave(self) -> None:
        """Lets the others fail instead of waiting for this rank."""
        self._barrier.abort()


class TorchGroup:
    """A rank of a process group of `torch.distributed`, of processors: by default a group of its own over gloo, beside
    that of the trainer. All ranks make it, at the same place of the program.

    An exchange is two all-gathers: of lengths, and of frames as long as the longest. It waits `timeout` seconds for the
    other ranks, as long as the trainer's groups do where it is None; then, and if one of them is gone, a verb raises
    `TransportError`. A group that is given has a timeout of its own.
    """

    def __init__(self, group: Any = None, timeout: float | None = None) -> None:
        import torch
        import torch.distributed as distributed

        self._torch, self._distributed = torch, distributed
        if group is None:
            limit = None if timeout is None else timedelta(seconds=timeout)
            group = distributed.new_group(backend="gloo", timeout=limit)
        self._group = group
        self.rank: int = distributed.get_rank(self._group)
        self.size: int = distributed.get_world_size(self._group)

    def _gather(self, tensor: Any) -> list[Any]:
        gathered = [self._torch.empty_like(tensor) for _ in range(self.size)]
        self._distributed.all_gather(gathered, tensor, group=self._group)
        return gathered

    def all_gather(self, frame: bytes) -> list[bytes]:
        lengths = [int(length) for length in self._gather(self._torch.tensor([len(frame)]))]
        padded = bytearray(frame.ljust(max(lengths), b"\0"))
        frames = self._gather(self._torch.frombuffer(padded, dtype=self._torch.uint8))
        return [bytes(frame.numpy())[:length] for frame, length in zip(frames, lengths, strict=True)]


class MpiGroup:
    """A rank of a communicator of `mpi4py`, best of one that is duplicated for it: `MpiGroup(MPI.COMM_WORLD.Dup())`."""

    def __init__(self, communicator: Any) -> None:
        self._communicator = communicator
        self.rank: int = communicator.Get_rank()
        self.size: int = communicator.Get_size()

    def all_gather(self, frame: bytes) -> list[bytes]:
        gathered: list[bytes] = self._communicator.allgather(frame)
        return gathered
