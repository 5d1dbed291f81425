"""Samplers behind the real loaders: what is loaded is what is drawn, and a run that was saved goes on as if it had not been."""

from typing import Any

import numpy as np
import pytest

from curricle import (
    AwaitingError,
    Curriculum,
    LengthError,
    NonFiniteError,
    OutOfRangeError,
    SnapshotError,
    UnsupportedError,
)

torch = pytest.importorskip("torch")
from torch.utils.data import DataLoader, TensorDataset

from curricle.samplers import CurriculumBatchSampler, CurriculumSampler, gathered

DATA = TensorDataset(torch.arange(120))


def curriculum(lag: int = 0, **options: Any) -> Curriculum:
    return Curriculum(120, arms=6, preset="post_training", seed=7, lag=lag, **options)


def outcome(samples: Any) -> dict[str, Any]:
    """A function of the sample, so that a report that is given to another ticket would show."""
    samples = torch.as_tensor(np.asarray(samples, dtype=np.int64))
    return {"success": (samples % 5) / 4, "abs_advantage": (samples % 7) / 7, "rollouts": 8}


def by_hand(rounds: int, n: int = 8, lag: int = 0) -> tuple[list[list[int]], int]:
    """The same without a loader; feedback comes when `lag` more batches were drawn."""
    made, drawn = curriculum(lag), []
    for _ in range(rounds):
        drawn.append(made.draw(n))
        if len(drawn) > lag:
            made.observe(drawn[-1 - lag].tickets, **outcome(drawn[-1 - lag].samples))
    for batch in drawn[len(drawn) - lag :]:
        made.observe(batch.tickets, **outcome(batch.samples))
    return [batch.samples.tolist() for batch in drawn], made.digest


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_of_a_loader(workers: int) -> None:
    lag = 2 * workers
    sampler = CurriculumBatchSampler(curriculum(lag), 8, batches=20)
    loader = DataLoader(DATA, batch_sampler=sampler, num_workers=workers)
    assert len(loader) == 20
    seen = []
    for (rows,) in loader:
        seen.append(rows.tolist())
        assert sampler.observe(**outcome(rows)).taken.all()
    assert (seen, sampler.curriculum.digest) == by_hand(20, lag=lag)


def test_samples_one_by_one() -> None:
    sampler = CurriculumSampler(curriculum(lag=1), 8, draws=20)
    loader = DataLoader(DATA, batch_size=4, sampler=sampler)
    assert len(loader) == 40
    seen: list[int] = []
    for (rows,) in loader:
        seen += rows.tolist()
        sampler.observe(**outcome(rows))
    again = curriculum(lag=1)
    for k in range(20):
        batch = again.draw(8)
        assert batch.samples.tolist() == seen[8 * k : 8 * k + 8]
        again.observe(batch.tickets, **outcome(batch.samples))
    assert again.digest == sampler.curriculum.digest


def test_copies_and_repeats() -> None:
    sampler = CurriculumSampler(curriculum(), 3, draws=2, copies=2, repeats=2)
    given, passes = [], iter(sampler)
    for _ in range(2):
        chunk = [next(passes) for _ in range(12)]
        assert chunk[:6] == chunk[6:] and chunk[0::2] == chunk[1::2]
        given.append(chunk[:6:2])
        sampler.observe(**outcome(given[-1]))
    assert given == by_hand(2, n=3)[0]
    assert next(passes, None) is None and len(sampler) == 24


def test_a_resume_at_every_batch() -> None:
    whole, digest = by_hand(12)
    for stop in range(13):
        sampler = CurriculumBatchSampler(curriculum(), 8, batches=12)
        seen = []
        batches = iter(sampler)
        for _ in range(stop):
            seen.append(next(batches))
            sampler.observe(**outcome(seen[-1]))
        resumed = CurriculumBatchSampler(curriculum(), 8, batches=12)
        resumed.load_state_dict(sampler.state_dict())
        # A state that is saved at once again is the same.
        assert resumed.state_dict() == sampler.state_dict()
        for rows in resumed if stop < 12 else []:
            seen.append(rows)
            resumed.observe(**outcome(rows))
        assert (seen, resumed.curriculum.digest) == (whole, digest), stop


def test_a_resume_with_batches_under_way() -> None:
    """What had been handed out and not reported is handed out again."""
    sampler = CurriculumBatchSampler(curriculum(lag=3), 8, batches=12)
    batches = iter(sampler)
    seen = [next(batches) for _ in range(4)]
    sampler.observe(**outcome(seen[0]))
    resumed = CurriculumBatchSampler(curriculum(lag=3), 8, batches=12)
    resumed.load_state_dict(sampler.state_dict())
    after = iter(resumed)
    assert [next(after) for _ in range(3)] == seen[1:]
    resumed.observe(**outcome(seen[1]))
    sampler.observe(**outcome(seen[1]))
    assert next(after) == next(batches)
    assert resumed.state_dict() == sampler.state_dict()


def test_an_iteration_that_is_left() -> None:
    """A report never goes to a batch of an iteration that was left."""
    sampler = CurriculumBatchSampler(curriculum(lag=2), 8, batches=4)
    first = iter(sampler)
    left = [next(first), next(first)]
    again = []
    for rows in sampler:
        again.append(rows)
        results = sampler.observe(**outcome(rows))
        assert results.taken.all()
    assert again[:2] == left and len(again) == 4
    assert sampler.curriculum.counts()["open"] == 0


def test_a_stateful_loader() -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader")
    whole, digest = by_hand(12)

    def loader() -> tuple[Any, CurriculumBatchSampler]:
        sampler = CurriculumBatchSampler(curriculum(), 8, batches=12)
        return stateful.StatefulDataLoader(DATA, batch_sampler=sampler), sampler

    for stop in (1, 5, 11):
        first, sampler = loader()
        seen, state = [], {}
        for (rows,) in first:
            seen.append(rows.tolist())
            sampler.observe(**outcome(rows))
            if len(seen) == stop:
                state = first.state_dict()
                break
        second, sampler = loader()
        second.load_state_dict(state)
        for (rows,) in second:
            seen.append(rows.tolist())
            sampler.observe(**outcome(rows))
        assert (seen, sampler.curriculum.digest) == (whole, digest), stop


def test_a_stateful_loader_of_samples() -> None:
    """Its own sampler of batches asks the sampler for its state instead of drawing and throwing away."""
    stateful = pytest.importorskip("torchdata.stateful_dataloader")

    def loader() -> tuple[Any, CurriculumSampler]:
        sampler = CurriculumSampler(curriculum(), 8, draws=12)
        return stateful.StatefulDataLoader(DATA, batch_size=4, sampler=sampler), sampler

    def run(loader: Any, sampler: CurriculumSampler, stop: int | None) -> list[list[int]]:
        seen = []
        for (rows,) in loader:
            seen.append(rows.tolist())
            sampler.observe(**outcome(rows))
            if len(seen) == stop:
                break
        return seen

    whole, sampler = loader()
    expected = run(whole, sampler, None)
    digest = sampler.curriculum.digest
    for stop in (2, 8):
        first, sampler = loader()
        seen = run(first, sampler, stop)
        second, sampler = loader()
        second.load_state_dict(first.state_dict())
        assert seen + run(second, sampler, None) == expected
        assert sampler.curriculum.digest == digest


def test_accelerate() -> None:
    """It loads one batch ahead: a lag of 1, and the state by its own checkpoint."""
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True)
    sampler = CurriculumBatchSampler(curriculum(lag=1), 8, batches=12)
    loader = accelerator.prepare(DataLoader(DATA, batch_sampler=sampler))
    accelerator.register_for_checkpointing(sampler)
    seen = []
    for (rows,) in loader:
        seen.append(rows.tolist())
        sampler.observe(
            **gathered(accelerator, **{"loss": outcome(rows)["success"].float()}), **outcome(rows)
        )
    assert (seen, sampler.curriculum.counts()["open"]) == (by_hand_loss(12), 0)
    tight = CurriculumBatchSampler(curriculum(lag=0), 8, batches=12)
    with pytest.raises(AwaitingError):
        for _ in accelerator.prepare(DataLoader(DATA, batch_sampler=tight)):
            pass


def by_hand_loss(rounds: int) -> list[list[int]]:
    made, drawn = curriculum(1), []
    for _ in range(rounds):
        drawn.append(made.draw(8))
        if len(drawn) > 1:
            samples = drawn[-2].samples
            made.observe(drawn[-2].tickets, loss=outcome(samples)["success"], **outcome(samples))
    return [batch.samples.tolist() for batch in drawn]


def test_what_is_refused() -> None:
    sampler = CurriculumBatchSampler(curriculum(), 8, batches=2)
    with pytest.raises(LengthError):
        sampler.observe(success=torch.zeros(1))
    rows = next(iter(sampler))
    with pytest.raises(LengthError):
        sampler.observe(success=torch.zeros(9))
    with pytest.raises(LengthError):
        sampler.observe(success=torch.zeros(8), loss=torch.zeros(7))
    # Nothing was taken from the tickets by what was refused.
    results = sampler.observe(**outcome(rows))
    assert len(results) == 8 and results.taken.all()
    with pytest.raises(TypeError):
        len(CurriculumBatchSampler(curriculum(), 8))


def test_the_curriculum_ends_it() -> None:
    made = Curriculum(30, sampler="sequential", stop={"all_exhausted": 1})
    sampler, sizes = CurriculumBatchSampler(made, 8), []
    for rows in sampler:
        sizes.append(len(rows))
        sampler.lose()
    assert sizes == [8, 8, 8, 6] and made.counts()["lost"] == 30


def test_a_pass_that_was_over_is_over() -> None:
    first = CurriculumBatchSampler(curriculum(), 8, batches=5)
    for rows in first:
        first.observe(**outcome(rows))
    second = CurriculumBatchSampler(curriculum(), 8, batches=5)
    second.load_state_dict(first.state_dict())
    for sampler in (first, second):
        seen = []
        for rows in sampler:
            seen.append(rows)
            sampler.observe(**outcome(rows))
        assert len(seen) == 5
    assert first.curriculum.digest == second.curriculum.digest


def test_a_resume_with_workers() -> None:
    def run(sampler: CurriculumBatchSampler, stop: int | None) -> list[list[int]]:
        seen = []
        for (rows,) in DataLoader(DATA, batch_sampler=sampler, num_workers=2):
            seen.append(rows.tolist())
            sampler.observe(**outcome(rows))
            if len(seen) == stop:
                break
        return seen

    whole = CurriculumBatchSampler(curriculum(lag=4), 8, batches=12)
    expected = run(whole, None)
    cut = CurriculumBatchSampler(curriculum(lag=4), 8, batches=12)
    seen = run(cut, 5)
    resumed = CurriculumBatchSampler(curriculum(lag=4), 8, batches=12)
    resumed.load_state_dict(cut.state_dict())
    assert seen + run(resumed, None) == expected
    assert resumed.curriculum.digest == whole.curriculum.digest


def test_an_iteration_that_was_superseded() -> None:
    sampler = CurriculumBatchSampler(curriculum(lag=4), 8, batches=9)
    first, second = iter(sampler), iter(sampler)
    next(first)
    next(second)
    with pytest.raises(UnsupportedError):
        next(first)


def test_nothing_is_stranded() -> None:
    sampler = CurriculumBatchSampler(curriculum(), 8, batches=9)
    rows = next(iter(sampler))
    seen = outcome(rows)
    seen["success"][3] = torch.nan
    with pytest.raises(NonFiniteError):
        sampler.observe(**seen)
    assert len(sampler.pending) == 8
    assert sampler.observe(**outcome(rows)).taken.all()
    with pytest.raises(OutOfRangeError):
        CurriculumBatchSampler(curriculum(), 0)


def test_what_cannot_be_taken_leaves_all() -> None:
    sampler = CurriculumBatchSampler(curriculum(), 8, batches=9)
    rows = next(iter(sampler))
    seen = outcome(rows)
    pending, before = sampler.pending, sampler.state_dict()
    with pytest.raises(OutOfRangeError):
        sampler.lose(-1)
    states = [{}, {"given": 0}, {"state": before["state"]}, {**before, "state": b"none"}]
    states += [{**before, "given": given} for given in ("a", -4, None, 1.5)]
    for state in states:
        with pytest.raises((KeyError, TypeError, OutOfRangeError, SnapshotError)):
            sampler.load_state_dict(state)
        assert sampler.pending == pending and sampler.state_dict() == before
    for n in (-1, 0, 1.5, "8"):
        with pytest.raises((OutOfRangeError, TypeError)):
            CurriculumBatchSampler(curriculum(), n)  # type: ignore[arg-type]
    for options in ({"draws": -1}, {"copies": 0}, {"repeats": 0}, {"copies": 1.5}):
        with pytest.raises((OutOfRangeError, TypeError)):
            CurriculumSampler(curriculum(), 4, **options)
    assert list(CurriculumSampler(curriculum(), 4, draws=0)) == []

    class Interrupted(Curriculum):
        def observe(self, *_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

    stopped = CurriculumBatchSampler(Interrupted(120), 8, batches=9)
    next(iter(stopped))
    with pytest.raises(KeyboardInterrupt):
        stopped.observe(**seen)
    assert len(stopped.pending) == 8


def test_what_is_given_up_and_what_is_not() -> None:
    sampler = CurriculumBatchSampler(curriculum(), 8, batches=9)
    rows = next(iter(sampler))
    tickets, seen = sampler.pending, outcome(rows)
    seen["success"] = seen["success"].clone()
    seen["success"][3], seen["success"][5] = torch.nan, 2.0
    for kind in ("NonFiniteError", 5, (NonFiniteError,)):
        with pytest.raises(TypeError):
            sampler.observe_or_lose(kind, **seen)  # type: ignore[arg-type]
    assert sampler.pending == tickets
    with pytest.raises(OutOfRangeError):
        sampler.observe_or_lose(NonFiniteError, **seen)
    # The others are taken in, one is given up, and the one that raised can be reported still.
    assert sampler.pending == [tickets[5]]
    counts = sampler.curriculum.counts()
    assert (counts["lost"], counts["open"]) == (1, 1)
    sampler.lose()
    assert sampler.pending == [] and sampler.curriculum.counts()["open"] == 0
    rows = next(iter(sampler))
    assert sampler.observe_or_lose(NonFiniteError, **outcome(rows)).taken.all()


@pytest.mark.parametrize("word", ["none", "deviation"])
def test_a_word_is_for_all_tickets(word: str) -> None:
    sampler = CurriculumBatchSampler(Curriculum(100, arms=4), 8, batches=3)
    next(iter(sampler))
    assert len(sampler.observe(rewards=[[0.0, 1.0]] * 8, normalisation=word)) == 8
    assert len(sampler.pending) == 0
