"""Scores of tensors, against the vectors that the crate is held to; tensors as feedback."""

import math
from typing import Any

import numpy as np
import pytest
from vectors import LOGITS, STATES, expected_scores, logits_of, spans_of, states_of

from curricle import (
    Curriculum,
    EmptyError,
    LengthError,
    OutOfRangeError,
    UnsupportedError,
    scores,
)

torch = pytest.importorskip("torch", reason="torch is not installed")

from curricle.torch import angle_concentration, score_logits

PARTS = [("intra", "intra_with_diag"), ("intra_no_diag", "intra_no_diag"), ("inter", "inter")]


@pytest.mark.parametrize("case", STATES, ids=lambda case: str(case["name"]))
def test_angle_concentration(case: dict[str, Any]) -> None:
    states, (questions, prefixes) = states_of(case), spans_of(case)
    expected = case["expected"] if isinstance(case["expected"], list) else [case["expected"]]
    found = angle_concentration(torch.tensor(states), torch.tensor(questions), torch.tensor(prefixes))
    for row, sample in enumerate(expected):
        for part, name in PARTS:
            value = found[part][row].item()
            assert (sample[name] is None) == math.isnan(value)
            assert sample[name] is None or value == pytest.approx(sample[name], abs=1e-10)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
def test_types_and_batches_of_states(kind: Any) -> None:
    from curricle.scores import angle_concentration as by_the_crate

    states = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32)).to(
        kind
    )
    questions, prefixes = (
        torch.tensor([[4, 20], [20, 21], [22, 40]]),
        torch.tensor([[0, 4], [0, 4], [0, 0]]),
    )
    found = angle_concentration(states, questions, prefixes)
    twin = by_the_crate(states.float().numpy(), questions.numpy(), prefixes.numpy())
    for part, values in twin.items():
        np.testing.assert_allclose(found[part].numpy(), values, atol=2e-6)
    alone = angle_concentration(states, questions)
    assert alone["inter"].isnan().all() and torch.equal(alone["intra"], found["intra"])
    assert len(angle_concentration(states, questions[:0])["intra"]) == 0


@pytest.mark.parametrize("case", LOGITS, ids=lambda case: str(case["id"]))
def test_scores_of_logits(case: dict[str, Any]) -> None:
    logits, expected = torch.tensor(logits_of(case)), expected_scores(case)
    found = score_logits(logits, list(expected), temperature=case["inputs"]["temperature"])
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value, rel=1e-11, abs=1e-12), name


def test_rows_and_their_faults() -> None:
    inf = math.inf
    rows = torch.tensor([[0.0, 1.0], [math.nan, 0.0], [-inf, -inf], [inf, inf], [inf, 0.0]])
    found = score_logits(rows[None], ["entropy", "margin"])
    assert found["entropy"].shape == (1, 5)
    assert found["entropy"][0].isnan().tolist() == [False, True, True, True, False]
    assert found["margin"][0, 4] == 1.0
    with pytest.raises(UnsupportedError, match="nonsense"):
        score_logits(rows, ["nonsense"])
    with pytest.raises(UnsupportedError, match="renyi-x"):
        score_logits(rows, ["renyi-x"])
    with pytest.raises(EmptyError):
        score_logits(rows[:, :0], ["entropy"])


def test_a_certain_row_has_the_scores_of_the_library() -> None:
    inf = math.inf
    names = ["entropy", "normalised-entropy", "gini", "least-confidence", "margin-complement", "energy"]
    names += ["margin", "relative-margin", "logit-margin", "normalised-logit-margin"]
    names += ["log-max-probability", "self-certainty"]
    names += ["renyi-0", "renyi-0.5", "renyi-1", "renyi-2", "renyi-inf"]
    rows = [
        [inf, 0.0, 0.0],
        [inf, 0.0, -inf],
        [inf, 3.0, 1.0, 0.0],
        [inf],
        [inf, -inf],
        [0.0, -inf, inf],
    ]
    for row in rows:
        ours = score_logits(torch.tensor([row]), names)
        theirs = scores.score_logits(np.array([row], np.float32), names)
        for name in names:
            assert ours[name].item() == pytest.approx(float(theirs[name][0]), rel=1e-6), (row, name)


def test_tensors_as_feedback() -> None:
    by_tensors, by_arrays = (Curriculum(100, preset="post_training", seed=1) for _ in range(2))
    tickets = by_tensors.draw(4).tickets
    by_arrays.draw(4)
    rewards = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
    by_tensors.observe(
        torch.from_numpy(tickets.astype(np.int64)), rewards=rewards, cost=torch.tensor(3)
    )
    by_arrays.observe(tickets, rewards=rewards.numpy(), cost=3)
    assert by_tensors.state_dict() == by_arrays.state_dict()


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("graph", [False, True])
def test_tensors_of_any_type(kind: Any, graph: bool) -> None:
    """Feedback and logits are numbers, whatever they are part of."""

    def tensor(values: Any) -> Any:
        return torch.tensor(values, dtype=kind, requires_grad=graph)

    values = [0.0, 0.5, 0.25, 1.0]
    by_tensors, by_arrays = (Curriculum(100, preset="post_training", seed=1) for _ in range(2))
    for _ in range(4):
        tickets = by_tensors.draw(4).tickets
        by_arrays.draw(4)
        forms = [tensor(values), list(map(tensor, values)), tuple(tensor(values))]
        for form in forms[tickets[0] // 4 % 3 :][:1]:
            assert by_tensors.observe(tickets, loss=form, rewards=tensor([[0.0, 1.0]] * 4)).taken.all()
        by_arrays.observe(tickets, loss=values, rewards=[[0.0, 1.0]] * 4)
    assert by_tensors.state_dict() == by_arrays.state_dict()
    rows = [[0.0, 0.5], [1.0, -1.0]]
    assert scores.score_logits(tensor(rows), ["margin"])["margin"].tolist() == (
        scores.score_logits(rows, ["margin"])["margin"].tolist()
    )

    class Tensors:
        reads = ()

        def shares(self, **_: Any) -> Any:
            return tensor([0.5, 0.25, 0.25])

        def learn(self, rewards: dict[str, Any]) -> None:
            pass

    made = Curriculum(9, arms=3, policy=Tensors())
    made.draw(3)
    assert made.shares().tolist() == [0.5, 0.25, 0.25]


def test_spans_beyond_the_states() -> None:
    states = torch.ones(4, 2)
    for span in ([0, 5], [3, 2], [-3, 2]):
        with pytest.raises(OutOfRangeError):
            angle_concentration(states, torch.tensor([span]))
        with pytest.raises(OutOfRangeError):
            angle_concentration(states, torch.tensor([[0, 2]]), torch.tensor([span]))
    with pytest.raises(LengthError, match="prefixes"):
        angle_concentration(states, torch.tensor([[0, 2]]), torch.tensor([[0, 1], [0, 1]]))
