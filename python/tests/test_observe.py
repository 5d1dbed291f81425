"""Outcomes from arrays of any kind, and what becomes of each."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, DTypeLike

import curricle
from curricle import Code, Curriculum, _core

SUCCESS = [0.25, 0.5, 0.75, 1.0]


def after(**fields: Any) -> bytes:
    """The state with the outcomes of four tickets, as they were taken in."""
    curriculum = Curriculum(100, arms=4, policy="boltzmann", signal="utility", seed=5)
    tickets = curriculum.draw(4).tickets
    results = curriculum.observe(tickets, utility=0.5, **fields)
    assert results.taken.all(), results.errors
    state: bytes = curriculum.state_dict()["state"]
    return state


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", ">f4", ">f8"])
def test_types_of_floats(dtype: DTypeLike) -> None:
    assert after(success=np.array(SUCCESS, dtype=dtype)) == after(success=SUCCESS)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "uint32"])
def test_whole_numbers_are_numbers(dtype: DTypeLike) -> None:
    assert after(success=np.array([0, 1, 1, 0], dtype=dtype)) == after(success=[0.0, 1.0, 1.0, 0.0])


def test_layouts() -> None:
    strided = np.repeat(np.array(SUCCESS), 3)[::3]
    backwards = np.array(SUCCESS[::-1])[::-1]
    frozen = np.array(SUCCESS)
    frozen.flags.writeable = False
    unaligned = np.frombuffer(b"x" + np.array(SUCCESS).tobytes(), dtype=np.uint8)[1:].view("f8")
    assert not strided.flags.c_contiguous and not unaligned.flags.aligned
    for success in (strided, backwards, frozen, unaligned, tuple(SUCCESS), range(0)):
        if len(success):
            assert after(success=success) == after(success=SUCCESS)
    columns = np.asfortranarray(
        np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    )
    assert after(rewards=columns) == after(rewards=columns.tolist())


class Tensor:
    """Anything that can become an array."""

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Any:
        return np.array(SUCCESS, dtype=dtype)


def test_whatever_becomes_an_array() -> None:
    assert after(success=Tensor()) == after(success=SUCCESS)


def test_one_number_for_all() -> None:
    assert after(success=0.5, rollouts=8) == after(success=[0.5] * 4, rollouts=[8] * 4)
    assert after(success=np.float32(0.5), cost=np.array(2)) == after(success=[0.5] * 4, cost=[2.0] * 4)


@pytest.mark.parametrize("dtype", ["uint64", "int64", "int32", "uint8", ">u8"])
def test_types_of_tickets(dtype: DTypeLike) -> None:
    curriculum = Curriculum(100)
    curriculum.draw(4)
    tickets: Any = np.array([3, 1, 0, 2], dtype=dtype)
    assert curriculum.observe(tickets, success=1).taken.all()
    assert curriculum.counts()["open"] == 0


def test_numbers_of_several_types() -> None:
    """NumPy makes floats of a list of uint64 and int; they say the same numbers."""
    curriculum = Curriculum(100)
    tickets = [*curriculum.draw(2).tickets, 7]
    assert np.asarray(tickets).dtype == np.float64
    assert curriculum.observe(tickets, success=1).taken.tolist() == [True, True, False]


def test_no_tickets() -> None:
    curriculum = Curriculum(100)
    assert len(curriculum.observe([], success=[])) == 0
    assert len(curriculum.observe(np.array([], dtype=np.uint64), rewards=np.zeros((0, 8)))) == 0


def test_rewards_are_reduced_as_by_hand() -> None:
    rewards = np.array([[1.0, 0.0, math.nan, 0.0], [1.0, 1.0, 1.0, 1.0]])
    fields = curricle.outcomes_of_groups(rewards)
    p = 1 / 3
    np.testing.assert_allclose(fields["success"], [p, 1.0], rtol=1e-6)
    np.testing.assert_allclose(fields["abs_advantage"], [2 * math.sqrt(p * (1 - p)), 0.0], rtol=1e-6)
    np.testing.assert_allclose(fields["spread"], [math.sqrt(p * (1 - p)), 0.0], rtol=1e-6)
    assert fields["rollouts"].tolist() == [3, 4] and fields["unscored"].tolist() == [1, 0]
    assert fields["nonzero_advantages"].tolist() == [3, 0] and fields["range"].tolist() == [1.0, 0.0]
    plain = curricle.outcomes_of_groups(rewards, normalisation="none")
    np.testing.assert_allclose(plain["abs_advantage"], [2 * p * (1 - p), 0.0], rtol=1e-6)
    ragged = [[1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [0.0], np.array([0, 1])]
    assert after(rewards=ragged) == after(**curricle.outcomes_of_groups(ragged))


def test_shaped_rewards_need_a_success() -> None:
    shaped = [[2.0, -1.0, 0.5]] * 4
    curriculum = Curriculum(100)
    tickets = curriculum.draw(4).tickets
    refused = curriculum.observe(tickets, rewards=shaped)
    assert (refused.codes == Code.OUT_OF_RANGE).all() and "successes" in str(refused.errors[0])
    beside = after(rewards=shaped, successes=[[1.0, 0.0, 0.0]] * 4)
    assert beside == after(**curricle.outcomes_of_groups(shaped, successes=[[1, 0, 0]] * 4))
    # One success for the whole group, said beside the rewards.
    assert after(rewards=shaped, success=SUCCESS) == after(
        **{
            **curricle.outcomes_of_groups(shaped, successes=[[s] * 3 for s in SUCCESS]),
            "success": SUCCESS,
        }
    )
    # What is given beside rewards stands.
    assert after(rewards=[[1.0, 0.0]] * 4, spread=0.125) != after(rewards=[[1.0, 0.0]] * 4)


def test_each_code() -> None:
    gate = {"every": ["zero_signal", {"rollouts": {"least": 4}}, {"band": {"low": 0.25, "high": 0.75}}]}
    curriculum = Curriculum(100, policy="boltzmann", signal="utility", gate=gate)
    tickets = list(curriculum.draw(12).tickets)
    curriculum.lose(tickets[9:10])
    rewards = [
        [1, 0, 1, 0],  # admitted
        [1, 1, 1, 1],  # zero signal
        [1, 0],  # too few
        [1, 0, 0, 0, 0, 0, 0, 0],  # too hard
        [0, 1, 1, 1, 1, 1, 1, 1],  # too easy
        [math.nan] * 4,  # unscored
        [1, math.inf, 0, 0],  # not finite
        [1, -1, 0, 0],  # out of range
        [1, 0, 0, 1],  # its utility is not finite
        [1, 0, 0, 1],  # late
        [1, 0, 0, 1],  # repeated
        [1, 0, 0, 1],  # unknown
    ]
    report: ArrayLike = [*tickets[:9], tickets[9], tickets[0], 99]
    utility = [0.5] * 12
    utility[8] = math.nan
    results = curriculum.observe(report, rewards=rewards, utility=utility)
    expected = ["ADMIT", "ZERO_SIGNAL", "TOO_FEW", "TOO_HARD", "TOO_EASY", "UNSCORED", "NON_FINITE"]
    expected += ["OUT_OF_RANGE", "NON_FINITE", "LATE", "REPEATED", "UNKNOWN_TICKET"]
    assert [Code(code).name for code in results.codes] == expected
    assert results.codes.dtype == np.uint8 and np.asarray(results).tolist() == results.codes.tolist()
    assert np.asarray(results, dtype=np.int64).dtype == np.int64
    assert results.admitted.tolist() == [True] + [False] * 11
    assert results.taken.tolist() == [True] * 5 + [False] * 7
    assert list(results.errors) == list(range(5, 12))
    error = results.errors[9]
    assert isinstance(error, curricle.LateTicketError) and error.ticket == tickets[9]
    with pytest.raises(curricle.UnscoredError):
        results.check()
    missing = curriculum.observe(tickets[10:], rewards=[[1, 0, 0, 1]] * 2)
    assert (missing.codes == Code.MISSING_FIELD).all()
    assert (
        isinstance(missing.errors[0], curricle.MissingFieldError)
        and missing.errors[0].field == "utility"
    )
    counts = curriculum.counts()
    assert (counts["admitted"], counts["rejected"], counts["lost"], counts["open"]) == (1, 4, 1, 6)


def test_a_group_that_is_refused_is_counted_and_named() -> None:
    curriculum = Curriculum(100)
    curriculum.draw(5)
    rewards = [[math.nan] * 2, [math.inf, 0], [0, 5], [0, 1], [0, 1], [math.nan] * 2, [math.nan]]
    success = [0.5, 0.5, 2.0, 0.5, math.nan, 0.5, math.nan]
    results = curriculum.observe([0, 1, 2, 3, 4, 0, 99], rewards=rewards, success=success)
    kinds = ["UNSCORED", "NON_FINITE", "OUT_OF_RANGE", "ADMIT", "NON_FINITE", "UNSCORED"]
    assert [Code(code).name for code in results.codes] == [*kinds, "UNKNOWN_TICKET"]
    assert str(results.errors[4]) == "success of 4 is not finite: NaN"
    refused = {name: value for name, value in curriculum.metrics().items() if "refused" in name}
    assert (refused["feedback/refused/invalid"], refused["feedback/refused/unknown"]) == (5, 1)
    assert curriculum.counts()["open"] == 4


def test_codes_are_those_of_the_library() -> None:
    assert dict(_core._codes()) == {code.name: code.value for code in Code}


def test_strict_takes_in_all_or_none() -> None:
    curriculum = Curriculum(100)
    tickets = curriculum.draw(3).tickets
    with pytest.raises(curricle.UnknownTicketError, match="ticket 7 was never drawn"):
        curriculum.observe([0, 7], success=1.0, strict=True)
    with pytest.raises(curricle.UnscoredError):
        curriculum.observe([0, 1], rewards=[[1.0], [math.nan]], strict=True)
    assert curriculum.counts()["open"] == 3
    assert curriculum.observe(tickets, success=1.0, strict=True).admitted.all()
    with pytest.raises(curricle.RepeatedTicketError) as raised:
        curriculum.lose([0, 0])
    assert isinstance(raised.value, curricle.TicketError) and raised.value.ticket == 0


def test_a_report_at_once_is_that_of_each_ticket() -> None:
    """Columns, numbers for all, rows that cannot be reduced and tickets that are refused, in every mixture."""
    draws = np.random.default_rng(5)
    columns: dict[str, Callable[[int], Any]] = {
        "success": lambda n: draws.choice([0.25, 0.5, np.nan], n, p=[0.5, 0.45, 0.05]),
        "loss": lambda n: draws.normal(size=n).astype(np.float32),
        "utility": lambda n: draws.choice([1.5, -np.inf], n, p=[0.95, 0.05]),
        "abs_advantage": lambda n: np.repeat(draws.random(n), 2)[::2],
        "cost": lambda n: draws.choice([2.0, -1.0], n, p=[0.95, 0.05]),
        "rollouts": lambda n: draws.integers(1, 9, n),
        "nonzero_advantages": lambda n: draws.integers(0, 3, n),
    }
    refused = 0
    for turn in range(300):
        whole, each = (Curriculum(500, 5, gate="zero_signal", seed=turn) for _ in range(2))
        count = int(draws.integers(1, 9))
        tickets = whole.draw(count).tickets.copy()
        each.draw(count)
        if turn % 3 == 0:
            tickets[draws.integers(count)] = draws.integers(count + 3)
        fields: dict[str, Any] = {}
        for name, column in columns.items():
            if draws.random() < 0.3:
                values = column(count)
                fields[name] = values[0].item() if draws.random() < 0.3 else values
        if draws.random() < 0.6 or not fields:
            rewards = draws.integers(0, 2, (count, 4)).astype(np.float32)
            rewards[draws.integers(count)] = draws.choice([0.0, np.nan, np.inf])
            fields["rewards"] = rewards
        results = whole.observe(tickets, **fields)
        for place in range(count):
            one: dict[str, Any] = {
                name: value if isinstance(value, float | int) else value[place : place + 1]
                for name, value in fields.items()
            }
            alone = each.observe(tickets[place : place + 1], **one)
            assert alone.codes[0] == results.codes[place], (turn, place, fields)
            assert [str(error) for error in alone.errors.values()] == [
                str(error) for at, error in results.errors.items() if at == place
            ]
        refused += len(results.errors)
        assert whole.digest == each.digest and whole.counts() == each.counts()
    assert refused > 100
