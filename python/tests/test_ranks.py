"""Ranks that hold the same curriculum: the digests of the file that Rust is held to, over threads and over processes."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
from rank import curriculum, digests, divided, outcome, runs

import curricle.ranks
from curricle import (
    ConflictError,
    Curriculum,
    DivergedError,
    Error,
    FrameError,
    Journal,
    OutOfRangeError,
    Replicated,
    TransportError,
    UnsupportedError,
)
from curricle.ranks import Alone, Threads

EXPECTED = [run["digests"] for run in runs()]


def on_ranks(size: int, work: Callable[[Threads], Any]) -> list[Any]:
    """What each rank of a group of threads comes to; an exception is what it comes to, too."""
    results: list[Any] = [None] * size

    def rank(exchange: Threads) -> None:
        try:
            results[exchange.rank] = work(exchange)
        except Exception as error:
            results[exchange.rank] = error
            if not isinstance(error, Error):
                exchange.leave()

    threads = [threading.Thread(target=rank, args=(exchange,)) for exchange in Threads.group(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
def test_threads(size: int) -> None:
    def work(run: dict[str, Any], rank: Threads) -> list[str]:
        return digests(run, rank, size)

    for run, expected in zip(runs(), EXPECTED, strict=True):
        assert on_ranks(size, partial(work, run)) == [expected] * size


def test_alone() -> None:
    assert [digests(run, Alone(), 1) for run in runs()] == EXPECTED


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("size", [1, 2, 3])
def test_processes_of_torch(size: int, tmp_path: Path) -> None:
    script = Path(__file__).with_name("rank.py")
    command = [sys.executable, str(script), "torch", str(tmp_path / "store")]
    ranks = [
        subprocess.Popen(
            [*command, str(rank), str(size)], stdout=subprocess.PIPE, text=True, cwd=tmp_path
        )
        for rank in range(size)
    ]
    said = [rank.communicate(timeout=300)[0] for rank in ranks]
    assert [json.loads(text) for text in said] == [EXPECTED] * size


HUNG = """
import sys, time
import torch.distributed as distributed
from curricle import Curriculum, Replicated, TransportError
from curricle.ranks import TorchGroup

file, rank = sys.argv[1], int(sys.argv[2])
distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
feed = Replicated(Curriculum(100, seed=3), TorchGroup(timeout=2))
feed.draw(2)
before = feed.digest
if rank == 1:
    time.sleep(600)
try:
    feed.draw(2)
except TransportError:
    print(feed.digest == before)
"""


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")
def test_a_rank_that_does_not_come(tmp_path: Path) -> None:
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", HUNG, str(tmp_path / "store"), str(rank)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        for rank in range(2)
    ]
    try:
        assert ranks[0].communicate(timeout=120)[0] == "True\n"
    finally:
        ranks[1].kill()
        ranks[1].communicate()


def mpiexec() -> str | None:
    """What starts the ranks: what came with a library of MPI as a package, or that of the system."""
    beside = Path(sys.executable).with_name("mpiexec")
    return str(beside) if beside.exists() else which("mpiexec")


@pytest.mark.skipif(find_spec("mpi4py") is None or mpiexec() is None, reason="MPI is not installed")
@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
def test_processes_of_mpi(size: int) -> None:
    script = Path(__file__).with_name("rank.py")
    command = [str(mpiexec()), "-n", str(size), sys.executable, str(script), "mpi"]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=True).stdout
    assert json.loads(said) == [EXPECTED] * size


def test_another_number_of_ranks_after_a_resume() -> None:
    """Saved by two ranks in the middle, with a part of the batch unreported, and gone on with by three and by one."""
    run = runs()[1]

    def rounds(feed: Replicated, rank: int, size: int, start: int) -> list[str]:
        found = []
        for round, total in list(enumerate(run["wants"]))[start:]:
            batch = feed.draw(divided(total, size, round)[rank])
            feed.observe(batch.tickets, strict=True, **outcome(batch.samples, batch.round))
            found.append(f"{feed.digest:016x}")
        return found

    def first(exchange: Threads) -> dict[str, Any]:
        feed = Replicated(curriculum(run), exchange)
        for round, total in list(enumerate(run["wants"]))[:8]:
            batch = feed.draw(divided(total, 2, round)[exchange.rank])
            if round < 7 or exchange.rank == 0:
                feed.observe(batch.tickets, strict=True, **outcome(batch.samples, batch.round))
        feed.exchange()
        return feed.state_dict()

    states = on_ranks(2, first)
    assert states[0] == states[1]
    for size in (1, 3):

        def second(exchange: Threads, size: int = size) -> list[str]:
            restored = curriculum(run)
            restored.load_state_dict(states[0])
            feed = Replicated(restored, exchange)
            for batch in restored_batches(states[0], run):
                mine = feed.part(batch)
                feed.observe(mine.tickets, strict=True, **outcome(mine.samples, mine.round))
            return rounds(feed, exchange.rank, size, 8)

        assert on_ranks(size, second) == [run["digests"][8:]] * size


def restored_batches(state: dict[str, Any], run: dict[str, Any]) -> list[Any]:
    restored = curriculum(run)
    restored.load_state_dict(state)
    return restored.unfinished()


def test_a_rank_that_differs_is_named() -> None:
    def work(exchange: Threads) -> Any:
        made = Curriculum(100, arms=4, seed=3)
        feed = Replicated(made, exchange)
        feed.draw(4)
        if exchange.rank == 1:
            feed.add_arm()
            feed.insert(arm=4)
        return feed.draw(4)

    found = on_ranks(3, work)
    assert all(isinstance(error, DivergedError) and error.ranks == [1] for error in found), found


def test_a_frame_that_is_changed_is_named() -> None:
    class Flipped(Threads):
        def all_gather(self, frame: bytes) -> list[bytes]:
            if self.rank == 1:
                frame = frame[:-3] + bytes([frame[-3] ^ 1]) + frame[-2:]
            return super().all_gather(frame)

    def work(exchange: Threads) -> Any:
        exchange.__class__ = Flipped
        return Replicated(Curriculum(100, seed=3), exchange).draw(4)

    found = on_ranks(3, work)
    assert all(isinstance(error, FrameError) and error.ranks == [1] for error in found), found


def test_a_conflict() -> None:
    def work(exchange: Threads) -> Any:
        feed = Replicated(Curriculum(100, seed=3), exchange)
        batch = feed.draw(2)
        feed.observe([0], success=float(exchange.rank))
        with pytest.raises(ConflictError) as refused:
            feed.exchange()
        if exchange.rank == 1:
            feed.lose([0])
        feed.exchange()
        return refused.value.ticket, refused.value.ranks, len(batch), feed.counts()["lost"]

    assert on_ranks(2, work) == [(0, [0, 1], 2, 1)] * 2


def test_what_carries_the_frames_fails() -> None:
    class Failing(Alone):
        def all_gather(self, frame: bytes) -> list[bytes]:
            raise RuntimeError("no route")

    feed = Replicated(Curriculum(100), Failing())
    with pytest.raises(TransportError, match="no route") as refused:
        feed.draw(4)
    assert isinstance(refused.value.__cause__, RuntimeError)

    class Interrupted(Alone):
        def all_gather(self, frame: bytes) -> list[bytes]:
            raise KeyboardInterrupt

    # An interrupt is none of the errors that a loop may go on after.
    with pytest.raises(KeyboardInterrupt):
        Replicated(Curriculum(100), Interrupted()).draw(4)

    class Beyond(Alone):
        rank, size = 2, 2

    with pytest.raises(OutOfRangeError):
        Replicated(Curriculum(100), Beyond())


def test_what_cannot_be_replicated_stays(tmp_path: Path) -> None:
    made = Curriculum(100, lag=1)
    for every in (0, 3):
        with pytest.raises(OutOfRangeError, match="rounds between exchanges"):
            Replicated(made, Alone(), every=every)

    class Mute:
        rank, size = 0, 1

    with pytest.raises(UnsupportedError, match="all_gather"):
        Replicated(made, Mute())  # type: ignore[arg-type]
    batch = made.draw(4)
    feed = Replicated(made, Alone(), every=2)
    with pytest.raises(UnsupportedError):
        Replicated(feed, Alone())
    with pytest.raises(UnsupportedError):
        Journal(tmp_path / "run", feed)
    assert feed.unfinished() == [batch] and len(feed.draw(4)) == 4
    with pytest.raises(Error, match="closed"):
        made.draw(4)
    with Journal(tmp_path / "run", Curriculum(100)) as journal:
        with pytest.raises(UnsupportedError):
            Journal(tmp_path / "other", journal)
        assert len(journal.draw(4)) == 4


def test_what_is_refused_is_counted() -> None:
    feed, twin = Replicated(Curriculum(100, lag=2), Alone()), Curriculum(100, lag=2)
    reports: list[tuple[list[int], list[float]]] = [
        ([0, 1, 99], [float("nan"), 0.5, 0.5]),
        ([1, 2], [0.5, 2.0]),
    ]
    for one in (feed, twin):
        one.draw(4)
        one.lose([3])
        for tickets, success in reports:
            one.observe(tickets, success=success)
        one.observe([3], rewards=[[0.0, 1.0]])
        one.observe([0], rewards=[[float("nan")] * 2])

    def refused(curriculum: Curriculum) -> dict[str, float]:
        return {name: value for name, value in curriculum.metrics().items() if "refused" in name}

    assert sorted(refused(twin).values()) == [1.0, 1.0, 1.0, 3.0]
    assert refused(feed) == refused(twin)
    feed.exchange()
    assert refused(feed) == refused(twin)


def test_what_is_shown() -> None:
    feed = Replicated(Curriculum(100, lag=1), Alone(), every=2)
    first = feed.draw(4)
    assert feed.metrics()["ranks/exchanges"] == 1
    feed.draw(4)
    feed.observe(first.tickets, success=0.5)
    assert (feed.queued, feed.metrics()["ranks/exchanges"], feed.metrics()["ranks/queued"]) == (4, 1, 4)
    assert np.array_equal(feed.counts()["open"], 8)
    assert set(curricle.ranks.__all__) >= {"Alone", "Threads", "TorchGroup", "MpiGroup"}
