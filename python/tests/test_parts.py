"""Policies and signals that are objects of Python."""

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curricle import (
    Curriculum,
    Journal,
    LengthError,
    MissingFieldError,
    NonFiniteError,
    OutOfRangeError,
    Replicated,
    SnapshotError,
    UnsupportedError,
)
from curricle.ranks import Alone


class Last:
    """Softmax of the last scores, and a count of what it was told."""

    def __init__(self, temperature: float = 0.2) -> None:
        self.temperature, self.told = temperature, 0

    def prepare(self, arms: int) -> None:
        self.scores = np.zeros(arms)

    def grow(self, arms: int) -> None:
        self.scores = np.append(self.scores, np.zeros(arms - len(self.scores)))

    def shares(self, *, round: int, n: int, seed: int) -> Any:
        jitter = np.random.default_rng(seed).random(len(self.scores)) * 0.01
        return np.exp((self.scores + jitter) / self.temperature)

    def learn(self, rewards: dict[str, Any]) -> None:
        self.told += int(rewards["counts"].sum())
        self.scores[rewards["arms"]] = rewards["scores"]

    def state_dict(self) -> dict[str, Any]:
        return {"scores": self.scores.tolist(), "told": self.told}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scores, self.told = np.array(state["scores"]), state["told"]


class Gap:
    """How far the success is from a half, turned round; from the outcome alone."""

    needs = ("success",)

    def score(self, trials: dict[str, Any]) -> Any:
        return 1 - 2 * np.abs(trials["success"] - 0.5)


def curriculum(**options: Any) -> Curriculum:
    return Curriculum(60, arms=4, seed=5, **{"policy": Last(), "signal": Gap(), **options})


def train(made: Curriculum, rounds: int) -> list[list[int]]:
    drawn = []
    for _ in range(rounds):
        batch = made.draw(12)
        drawn.append(batch.samples.tolist())
        made.observe(batch.tickets, strict=True, success=np.where(batch.arms == 1, 0.5, 0.9))
    return drawn


def test_they_decide() -> None:
    made = curriculum()
    train(made, 20)
    assert made.shares().argmax() == 1 and made.shares()[1] > 0.8


def test_the_same_again() -> None:
    one, other = curriculum(), curriculum()
    assert train(one, 10) == train(other, 10) and one.digest == other.digest


def test_the_same_as_by_name() -> None:
    """An object that does what a policy of the crate does comes to the same decisions."""

    class Weights:
        reads = ()

        def shares(self, **_: Any) -> list[float]:
            return [1.0, 2.0, 3.0, 2.0]

        def learn(self, rewards: dict[str, Any]) -> None:
            pass

    own = Curriculum(60, arms=4, seed=5, policy=Weights())
    named = Curriculum(60, arms=4, seed=5, policy={"fixed": {"weights": [1.0, 2.0, 3.0, 2.0]}})
    for _ in range(5):
        batch, same = own.draw(9), named.draw(9)
        assert batch == same
        own.lose(batch.tickets)
        named.lose(batch.tickets)
    assert own.digest == named.digest


def test_a_state_goes_on(tmp_path: Path) -> None:
    whole = curriculum()
    expected = train(whole, 12)
    first = curriculum()
    train(first, 5)
    second = curriculum()
    second.load_state_dict(first.state_dict())
    assert train(second, 7) == expected[5:] and second.digest == whole.digest
    # The object that was handed over is not the one that was restored.
    assert second.state_dict() == whole.state_dict()
    first.save(tmp_path / "state")
    third = curriculum()
    third.restore(tmp_path / "state")
    assert train(third, 7) == expected[5:]


def test_a_journal(tmp_path: Path) -> None:
    expected = train(curriculum(), 9)
    with Journal(tmp_path / "run", curriculum()) as journal:
        drawn = train(journal, 3)
        journal.compact()
        drawn += train(journal, 3)
    with Journal(tmp_path / "run", curriculum()) as journal:
        assert drawn + train(journal, 3) == expected


class Interrupted(Last):
    """Raises in some of its calls, as an interrupt or a failing network does."""

    def __init__(self, method: str = "", calls: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.method, self.calls, self.count = method, calls, 0

    def _pass(self, method: str) -> None:
        if method == self.method:
            self.count += 1
            if self.count in self.calls:
                raise KeyboardInterrupt

    def shares(self, **turn: Any) -> Any:
        self._pass("shares")
        return super().shares(**turn)

    def learn(self, rewards: dict[str, Any]) -> None:
        self._pass("learn")
        super().learn(rewards)


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("calls", [(1,), (2,), (3, 4), (5,), (2, 4, 6)])
def test_a_journal_of_one_that_is_interrupted(
    tmp_path: Path, calls: tuple[int, ...], compacted: bool
) -> None:
    expected = train(curriculum(), 6)
    interrupts = 0
    with Journal(tmp_path / "run", curriculum(policy=Interrupted("shares", calls))) as journal:
        drawn: list[list[int]] = []
        while len(drawn) < 5:
            try:
                drawn += train(journal, 1)
            except KeyboardInterrupt:
                interrupts += 1
                if compacted:
                    journal.compact()
        digest, position = journal.digest, journal.position
    assert drawn == expected[:5] and interrupts == len([call for call in calls if call < 8])
    with Journal(tmp_path / "run", curriculum(policy=Interrupted())) as journal:
        assert (journal.digest, journal.position) == (digest, position)
        assert drawn + train(journal, 1) == expected
    if not compacted:
        # Each moment of it can be gone back to.
        for moment in reversed(range(position + 1)):
            with Journal(tmp_path / "run", curriculum(policy=Interrupted()), at=moment) as journal:
                assert journal.position == moment


def test_a_journal_of_one_that_breaks_while_it_learns(tmp_path: Path) -> None:
    """What it holds then nobody knows: no file gets it, and the journal has what it was to learn."""
    expected = train(curriculum(), 4)
    with Journal(tmp_path / "run", curriculum(policy=Interrupted("learn", (2,)))) as journal:
        drawn = train(journal, 2)
        with pytest.raises(KeyboardInterrupt):
            journal.draw(12)
        for call in (lambda: journal.draw(12), journal.compact, journal.state_dict):
            with pytest.raises(UnsupportedError, match="`learn` raised"):
                call()
        with pytest.raises(UnsupportedError, match="`learn` raised"):
            journal.save(tmp_path / "state")
    assert not (tmp_path / "state").exists()
    with Journal(tmp_path / "run", curriculum(policy=Interrupted())) as journal:
        assert drawn + train(journal, 2) == expected


def test_one_of_the_two() -> None:
    for options in ({"policy": "boltzmann"}, {"signal": "mean_advantage", "policy": Last()}):
        made = curriculum(**options)
        batch = made.draw(12)
        made.observe(batch.tickets, strict=True, success=0.5, abs_advantage=0.5)
        made.draw(12)
    preset = Curriculum(60, arms=4, preset="post_training", signal=Gap())
    batch = preset.draw(12)
    preset.observe(batch.tickets, strict=True, success=0.5, rollouts=8)
    assert len(preset.draw(12)) == 12


def test_an_arm_is_added() -> None:
    made = curriculum()
    train(made, 2)
    arm = made.add_arm()
    made.insert(arm=arm)
    assert len(made.draw(12)) == 12 and len(made.shares()) == 5

    class Stiff(Last):
        grow = None  # type: ignore[assignment]

    with pytest.raises(UnsupportedError):
        curriculum(policy=Stiff()).add_arm()


def test_what_they_raise_is_raised() -> None:
    class Broken(Last):
        def learn(self, rewards: dict[str, Any]) -> None:
            raise KeyError("of mine")

    made = curriculum(policy=Broken())
    batch = made.draw(12)
    made.observe(batch.tickets, success=0.5)
    with pytest.raises(KeyError, match="of mine"):
        made.draw(12)
    with pytest.raises(UnsupportedError):
        made.draw(12)

    class Unready(Last):
        def prepare(self, arms: int) -> None:
            raise RuntimeError("not ready")

    with pytest.raises(RuntimeError, match="not ready"):
        curriculum(policy=Unready())

    class Unscored(Gap):
        def score(self, trials: dict[str, Any]) -> Any:
            raise RuntimeError("no score")

    made = curriculum(signal=Unscored())
    batch = made.draw(12)
    made.observe(batch.tickets, success=0.5)
    with pytest.raises(RuntimeError, match="no score"):
        made.draw(12)


@pytest.mark.parametrize(
    ("shares", "error"),
    [
        ([1.0, 1.0], LengthError),
        ([1.0, np.nan, 1.0, 1.0], NonFiniteError),
        ([1.0, -1.0, 1.0, 1.0], OutOfRangeError),
        ([0.0, 0.0, 0.0, 0.0], OutOfRangeError),
    ],
)
def test_shares_that_are_none(shares: list[float], error: type[Exception]) -> None:
    class Bad(Last):
        def shares(self, **_: Any) -> Any:
            return shares

    with pytest.raises(error):
        curriculum(policy=Bad()).draw(4)


def test_scores_that_are_none() -> None:
    class Bad(Gap):
        def __init__(self, scores: Any) -> None:
            self.scores = scores

        def score(self, trials: dict[str, Any]) -> Any:
            return self.scores

    for scores, error in [(np.full(12, np.inf), NonFiniteError), (np.ones(3), LengthError)]:
        made = curriculum(signal=Bad(scores))
        batch = made.draw(12)
        made.observe(batch.tickets, success=0.5)
        with pytest.raises(error):
            made.draw(12)


def test_what_is_missing_or_other() -> None:
    made = curriculum()
    batch = made.draw(12)
    with pytest.raises(MissingFieldError):
        made.observe(batch.tickets, strict=True, loss=0.5)

    class Other(Gap):
        options = {"scale": 2.0}  # noqa: RUF012

    with pytest.raises(SnapshotError):
        curriculum(signal=Other()).load_state_dict(made.state_dict())
    # A state of an object is not one of a policy by name.
    with pytest.raises(SnapshotError):
        curriculum(policy="boltzmann").load_state_dict(made.state_dict())

    class Unwilling(Last):
        def load_state_dict(self, state: dict[str, Any]) -> None:
            raise ValueError("not mine")

    with pytest.raises(ValueError, match="not mine"):
        curriculum(policy=Unwilling()).load_state_dict(made.state_dict())


def test_a_state_that_cannot_be_kept(tmp_path: Path) -> None:
    """A policy that has learned and cannot say what is in no file, rather than in one that cannot be read."""

    class Forgetful(Last):
        state_dict = None  # type: ignore[assignment]

    with Journal(tmp_path / "run", curriculum(policy=Forgetful())) as journal:
        drawn = train(journal, 3)
        for save in (journal.compact, journal.state_dict):
            with pytest.raises(UnsupportedError, match="state_dict"):
                save()
        drawn += train(journal, 2)
    # Its journal has what it learned from.
    with Journal(tmp_path / "run", curriculum(policy=Forgetful())) as journal:
        drawn += train(journal, 2)
    assert drawn == train(curriculum(), 7)


@pytest.mark.parametrize("kind", ["policy", "signal", "both", "restored", "journal", "replicated"])
def test_one_that_refers_to_its_curriculum_is_freed(kind: str, tmp_path: Path) -> None:
    class Referring(Last):
        whole: Any = None

        def score(self, trials: dict[str, Any]) -> Any:
            return trials["success"]

        def __deepcopy__(self, memo: Any) -> Any:
            copy = type(self)()
            copy.scores, copy.whole = self.scores.copy(), self.whole
            return copy

    part: Any = Referring()
    made: Any = curriculum(
        policy="boltzmann" if kind == "signal" else part, signal=Gap() if kind == "policy" else part
    )
    part.whole = [made]
    train(made, 3)
    if kind == "restored":
        made.load_state_dict(made.state_dict())
    if kind == "journal":
        part.whole.append(made := Journal(tmp_path / "run", made))
    if kind == "replicated":
        part.whole.append(made := Replicated(made, Alone()))
    made.draw(4)
    class_of, before = weakref.ref(Referring), weakref.ref(part)
    del part, made, Referring
    gc.collect()
    assert before() is None and class_of() is None
    if kind == "journal":
        # Its files are let go, too: it is no longer in use, but that of other parts.
        with pytest.raises(SnapshotError):
            Journal(tmp_path / "run", curriculum())


@pytest.mark.parametrize("journaled", [False, True])
def test_an_exchange_that_refers_to_its_rank_is_freed(journaled: bool, tmp_path: Path) -> None:
    class Referring(Alone):
        pass

    exchange: Any = Referring()
    made: Any = curriculum()
    if journaled:
        made = Journal(tmp_path / "run", made)
    exchange.back = [made, Replicated(made, exchange)]
    exchange.back[-1].draw(4)
    seen = weakref.ref(exchange)
    del exchange, made
    gc.collect()
    assert seen() is None
    if journaled:
        with Journal(tmp_path / "run", curriculum()) as journal:
            assert journal.counts()["open"] == 4


def test_what_is_in_use_is_not_freed() -> None:
    """The collector runs while other threads are in the middle of calls."""
    stopped = threading.Event()

    def collect() -> None:
        while not stopped.is_set():
            gc.collect()

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        for _ in range(20):
            policy = Last()
            made = curriculum(policy=policy)
            policy.whole = made  # type: ignore[attr-defined]
            workers = [threading.Thread(target=made.metrics) for _ in range(2)]
            for worker in workers:
                worker.start()
            drawn = train(made, 5)
            for worker in workers:
                worker.join()
            assert drawn == train(curriculum(), 5)
    finally:
        stopped.set()
        collector.join()


def test_a_part_that_calls_its_curriculum() -> None:
    class Curious(Last):
        whole: Curriculum

        def shares(self, **turn: Any) -> Any:
            self.whole.shares()
            return super().shares(**turn)

    policy = Curious()
    policy.whole = made = curriculum(policy=policy)
    with pytest.raises(UnsupportedError, match="own parts"):
        made.draw(4)
