"""Whatever is wrong raises an error of the one family, which names it, and changes nothing."""

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import curricle
from curricle import Curriculum, Journal, Table


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"policy": "nonsense"}, curricle.ConfigError, "nonsense"),
        ({"polcy": "uniform"}, curricle.ConfigError, "polcy"),
        ({"preset": "nonsense"}, curricle.ConfigError, "nonsense"),
        ({"policy": {"boltzmann": {"temprature": 1.0}}}, curricle.ConfigError, "policy.boltzmann"),
        ({"seed": -1}, curricle.ConfigError, "seed"),
        ({"seed": object()}, curricle.ConfigError, "object"),
        ({"importance": math.nan}, curricle.ConfigError, "JSON"),
        ({"importance": 2.0}, curricle.OutOfRangeError, "2"),
        ({"weights": [1.0, math.nan, 1.0, 1.0]}, curricle.NonFiniteError, "weight of 1"),
        ({"weights": [1.0]}, curricle.LengthError, "expected 4 elements, found 1"),
        ({"weights": [[1.0] * 4]}, curricle.ShapeError, "weights"),
        ({"weights": ["a"] * 4}, curricle.DtypeError, "weights"),
        ({"arms": [0, 1]}, curricle.LengthError, "labels"),
        ({"arms": 0}, curricle.OutOfRangeError, "arms"),
        ({"arms": [0.5] * 4}, curricle.DtypeError, "arms"),
        ({"arms": [0, 1, -1, 0]}, curricle.OutOfRangeError, "arms"),
        ({"arms": ["a", "b", "a", "c"], "arm_names": ["a", "b"]}, curricle.ConfigError, "'c'"),
        ({"arms": [0, 1, 2, 0], "arm_names": ["a", "b"]}, curricle.UnknownArmError, "arm 2"),
        ({"order": [0, 1, 1, 2]}, curricle.DuplicateError, "order 2"),
        ({"keys": ["a", "b", "a", "c"]}, curricle.DuplicateError, "2"),
        ({"signal": "utility"}, curricle.ConfigError, "nothing"),
        ({"weights": [[1.0], [1.0, 2.0], [], []]}, curricle.DtypeError, "weights"),
        (
            {"weights": np.ma.masked_array([1.0] * 4, [False, False, True, False])},
            curricle.DtypeError,
            "element 2",
        ),
        ({"arms": -1}, curricle.OutOfRangeError, "arms is -1"),
        ({"arms": 2**32}, curricle.OutOfRangeError, "arms"),
        ({"arms": True}, curricle.Error, "arms"),
        ({"arms": 2.0}, curricle.Error, "arms"),
        ({"arms": "abcd"}, curricle.Error, "arms"),
        ({"arms": ["a", None, "b", "c"]}, curricle.ConfigError, "label of sample 1"),
        ({"arms": ["a", math.nan, "b", "c"]}, curricle.Error, "arms"),
        ({"arms": ["a", 1, "1", "c"]}, curricle.ConfigError, "label of sample 1"),
        ({"arms": ["a", "\ud800", "b", "c"]}, curricle.ConfigError, "no text"),
        ({"arms": np.array(["a", None, "b", "c"], dtype=object)}, curricle.ConfigError, "sample 1"),
        ({"arms": [0, True, 1, False]}, curricle.DtypeError, "arms"),
        ({"arms": [0, 1, 2**32, 1]}, curricle.OutOfRangeError, "arms is 4294967296"),
        ({"arms": 2, "arm_names": ["a", "\ud800"]}, curricle.ConfigError, "arm_names"),
        ({"arms": 2, "arm_names": ["a", None]}, curricle.ConfigError, "arm_names"),
        ({"arms": 2, "arm_names": "ab"}, curricle.ConfigError, "arm_names"),
        ({"weights": [1.0, 1.0, np.ma.masked, 1.0]}, curricle.DtypeError, "weights"),
        ({"keys": ["a", "\ud800", "b", "c"]}, curricle.ConfigError, "keys"),
        ({"keys": "abcd"}, curricle.ConfigError, "keys"),
        ({"keys": ["a", 1.0, "b", "c"]}, curricle.ConfigError, "1.0"),
        ({"keys": ["a", True, "b", "c"]}, curricle.ConfigError, "True"),
        ({"keys": ["a", -1, "b", "c"]}, curricle.ConfigError, "-1"),
    ],
)
def test_what_cannot_be_built(options: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as raised:
        Curriculum(4, **options)
    assert isinstance(raised.value, curricle.Error)
    assert text in str(raised.value), str(raised.value)


def test_a_toml_text_says_where() -> None:
    with pytest.raises(curricle.ConfigError) as raised:
        Curriculum.from_toml("policy.boltzmann.temprature = 0.1", 10)
    assert raised.value.path.startswith("policy.boltzmann")
    with pytest.raises(curricle.ConfigError, match="seed"):
        Curriculum.from_toml("lag = 1", 10, seed=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda it: it.draw(0), curricle.OutOfRangeError, "batch size is 0"),
        (lambda it: it.draw(5), curricle.BatchExceedsPoolError, "5 distinct"),
        (lambda it: it.draw(-1), OverflowError, "negative"),
        (lambda it: it.step(1), curricle.Error, "refill"),
        (lambda it: it.observe([0.5], success=1.0), curricle.DtypeError, "tickets"),
        (lambda it: it.observe([-1], success=1.0), curricle.OutOfRangeError, "tickets is -1"),
        (lambda it: it.observe([[0]], success=1.0), curricle.ShapeError, "tickets"),
        (lambda it: it.observe([0, True], success=1.0), curricle.DtypeError, "tickets"),
        (lambda it: it.observe([0], success=[1.0, 0.0]), curricle.LengthError, "success"),
        (lambda it: it.observe([0], success=[[1.0]]), curricle.ShapeError, "success"),
        (lambda it: it.observe([0], success="good"), curricle.DtypeError, "success"),
        (lambda it: it.observe([0], success=[1 + 2j]), curricle.DtypeError, "success"),
        (lambda it: it.observe([0], sucess=[1.0]), TypeError, "sucess"),
        (lambda it: it.observe([0], rewards=[1.0]), curricle.ShapeError, "rewards"),
        (lambda it: it.observe([0], rewards=[[1.0], [0.0]]), curricle.LengthError, "rewards"),
        (lambda it: it.observe([0], successes=[[1.0]]), TypeError, "rewards"),
        (
            lambda it: it.observe([0], rewards=[[1.0]], normalisation="x"),
            curricle.ConfigError,
            "normalisation",
        ),
        (lambda it: it.observe([0], rollouts=-1), curricle.OutOfRangeError, "rollouts"),
        (lambda it: it.observe([0], rollouts=2.5), curricle.DtypeError, "rollouts"),
        (lambda it: it.observe([1e300], success=1.0), curricle.DtypeError, "tickets"),
        (lambda it: it.observe([math.nan], success=1.0), curricle.DtypeError, "tickets"),
        (lambda it: it.observe([0], rollouts=2**32), curricle.OutOfRangeError, "rollouts"),
        (lambda it: it.lose([9]), curricle.UnknownTicketError, "ticket 9"),
        (lambda it: it.remove(9), curricle.UnknownSampleError, "sample 9"),
        (lambda it: it.retag(0, 9), curricle.UnknownArmError, "arm 9"),
        (lambda it: it.explain(9), curricle.UnknownSampleError, "sample 9"),
        (lambda it: it.set_weights([0, 1], [1.0]), curricle.LengthError, "weights"),
        (lambda it: it.set_weights([0], [-1.0]), curricle.OutOfRangeError, "-1"),
        (lambda it: it.set_mixture([1.0]), curricle.UnsupportedError, "mixture"),
        (lambda it: it.set_version(-1), OverflowError, "negative"),
        (lambda it: it.restore("no/such/file"), curricle.FileError, "no/such/file"),
        (lambda it: it.save("no/such/file"), curricle.FileError, "no/such/file"),
        (lambda it: it.load_state_dict({}), KeyError, "state"),
        (
            lambda it: it.load_state_dict({"state": b"junk"}),
            curricle.SnapshotError,
            "not a curricle snapshot",
        ),
        (lambda it: it.rollouts(it.unfinished()[0], 8), curricle.UnsupportedError, "belief"),
    ],
)
def test_what_cannot_be_done(
    call: Callable[[Curriculum], Any], kind: type[Exception], text: str
) -> None:
    curriculum = Curriculum(4, arms=2, lag=3)
    curriculum.draw(1)
    before = curriculum.state_dict()
    with pytest.raises(kind) as raised:
        call(curriculum)
    assert text in str(raised.value), str(raised.value)
    assert curriculum.state_dict() == before


def test_the_family() -> None:
    kinds = [
        kind
        for kind in vars(curricle).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    assert len(kinds) > 20 and all(issubclass(kind, curricle.Error) for kind in kinds)
    assert issubclass(curricle.OutOfRangeError, ValueError) and issubclass(curricle.FileError, OSError)


def test_what_an_error_carries() -> None:
    curriculum = Curriculum(10)
    curriculum.draw(4)
    with pytest.raises(curricle.AwaitingError) as awaiting:
        curriculum.draw(4)
    assert (awaiting.value.round, awaiting.value.missing, awaiting.value.first) == (0, 4, 0)
    held = Curriculum(10, pace={"arrival": {"in_flight": 6}})
    held.draw(4)
    with pytest.raises(curricle.HoldError) as hold:
        held.draw(4)
    assert (hold.value.open, hold.value.want, hold.value.most) == (4, 4, 6)
    with pytest.raises(curricle.FileError) as file:
        curriculum.restore("no/such/file")
    assert (file.value.filename, file.value.errno) == ("no/such/file", 2)
    with pytest.raises(FileNotFoundError) as expected, open("no/such/file"):
        pass
    assert str(file.value) == str(expected.value) and file.value.strerror == expected.value.strerror
    copy = pickle.loads(pickle.dumps(file.value))
    assert (str(copy), copy.errno, copy.filename) == (str(file.value), 2, "no/such/file")
    with pytest.raises(curricle.FileError) as nul:
        curriculum.save("a\0b")
    assert "NUL" in str(nul.value) and "None" not in str(nul.value), str(nul.value)
    done = Curriculum(4, sampler="passes", stop={"first_exhausted": 1})
    done.observe(done.draw(4).tickets, success=1.0)
    with pytest.raises(curricle.FinishedError):
        done.draw(1)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    """Whatever takes a path says what the system said, and of which file."""
    calls: list[Callable[[Path], Any]] = [
        lambda path: Curriculum(10).save(path),
        lambda path: Curriculum(10).restore(path),
        lambda path: Journal(path, Curriculum(10)),
        lambda path: Curriculum.of_snapshot(path),
        lambda path: Table.read_csv(path),
        lambda path: Table.read_parquet(path),
        lambda path: Table([1], {}).write_csv(path),
        lambda path: Table([1], {}).write_parquet(path),
    ]
    for call in calls:
        with pytest.raises(curricle.Error) as raised:
            call(tmp_path)
        assert "None" not in str(raised.value), str(raised.value)
        if isinstance(raised.value, curricle.FileError):
            assert raised.value.errno and raised.value.strerror, raised.value
            assert str(tmp_path) in str(raised.value)


def test_labels_and_keys_are_as_they_are() -> None:
    made = Curriculum(4, arms=["a", "a\0", "é", "e\u0301"])
    assert made.arm_names == ["a", "a\0", "e\u0301", "é"]
    assert Curriculum(3, arms=np.array(["b", "a", "b"])).arm_names == ["a", "b"]
    assert [Curriculum(1, arms=one).arm_names for one in (1, np.int64(1), np.array(1))] == [["0"]] * 3
    # One label is a label, and not a number of arms.
    assert Curriculum(1, arms=[1]).arm_names == Curriculum(1, arms=np.array([1])).arm_names
    keyed = Curriculum(3, keys=["a", "a\0", 7])
    assert [keyed.find(key) for key in ("a", "a\0", 7, "7")] == [0, 1, 2, None]


def test_a_closed_journal_can_be_shown(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run", Curriculum(10))
    journal.close()
    assert "closed" in repr(journal)
    for durability in (True, 0, -1, 1.5, "never"):
        with pytest.raises(curricle.ConfigError, match="durability"):
            Journal(tmp_path / "run", Curriculum(10), durability=durability)  # type: ignore[arg-type]


def test_another_curriculum_refuses_a_state() -> None:
    state = Curriculum(10, seed=1).state_dict()
    with pytest.raises(curricle.SnapshotError, match="seed"):
        Curriculum(10, seed=2).load_state_dict(state)
    with pytest.raises(curricle.SnapshotError):
        Curriculum(11, seed=1).load_state_dict(state)
    with pytest.raises(curricle.SnapshotError):
        Curriculum(10, seed=1, fingerprint=7).load_state_dict(state)
    damaged = bytearray(state["state"])
    damaged[-1] ^= 1
    with pytest.raises(curricle.SnapshotError, match="checksum"):
        Curriculum(10, seed=1).load_state_dict({"state": bytes(damaged)})


def test_numpy_in_a_configuration() -> None:
    config: dict[str, Any] = {
        "policy": {"fixed": {"weights": np.array([1.0, 3.0])}},
        "seed": np.int64(4),
    }
    assert Curriculum(4, arms=2, **config).config["policy"] == {"fixed": {"weights": [1.0, 3.0]}}
