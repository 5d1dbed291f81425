"""Scores of tensors, on the device that they are on, as plain functions of `torch`, which must be installed.

The formulas are those of `curricle.scores`, and so are the names. What differs is that no value is refused, for a
check would wait for the device: states that are not finite give sums that are not, and a faulty row of logits is
scored NaN.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ._errors import EmptyError, LengthError, OutOfRangeError, UnsupportedError

__all__ = ["angle_concentration", "score_logits"]

#: Below this norm a row counts as zero, as in the crate.
_LEAST_NORM = 1e-12


def _unit_sums(states: Tensor, spans: Tensor) -> tuple[Tensor, Tensor]:
    """Of each span the sum of its unit rows, [samples, dim], and the sum of their squared norms."""
    norms = torch.linalg.vector_norm(states, dim=-1, keepdim=True, dtype=torch.float64)
    sums, diagonals = [], []
    for start, end in spans.tolist():
        if not 0 <= start <= end <= len(states):
            raise OutOfRangeError(
                f"rows {start} to {end} are not among the {len(states)} of the states"
            )
        unit = states[start:end].double() / norms[start:end].clamp_min(_LEAST_NORM)
        sums.append(unit.sum(dim=0))
        diagonals.append(unit.square().sum())
    if not sums:
        return states.new_zeros((0, states.shape[-1]), dtype=torch.float64), norms.new_zeros(0)
    return torch.stack(sums), torch.stack(diagonals)


def angle_concentration(
    states: Tensor, questions: Tensor, prefixes: Tensor | None = None
) -> dict[str, Tensor]:
    """How far the hidden states of samples point one way: mean cosines, in closed form; see `curricle.scores`.

    `states` is [tokens, dim] in any floating type; `questions` and `prefixes` are [samples, 2], the first row of each
    and the one behind the last. Sums are float64. Cost: O(tokens dim), not the O(tokens^2 dim) of all pairs; a wait for
    the device that the ranges are on.

    Raises `OutOfRangeError` for a range beyond the states, `LengthError` for another number of prefixes.

    >>> import torch
    >>> from curricle.torch import angle_concentration
    >>> states = torch.tensor([[1.0, 0.0], [3.0, 4.0], [4.0, 3.0]])
    >>> found = angle_concentration(states, torch.tensor([[1, 3]]), torch.tensor([[0, 1]]))
    >>> round(found["intra"].item(), 6), round(found["total"].item(), 6)
    (0.98, 1.68)
    """
    if prefixes is None:
        prefixes = torch.zeros_like(questions)
    if len(prefixes) != len(questions):
        raise LengthError(f"prefixes: expected {len(questions)} elements, found {len(prefixes)}")
    question, diagonal = _unit_sums(states, questions)
    prefix, _ = _unit_sums(states, prefixes)
    q = (questions[:, 1] - questions[:, 0]).to(question)
    n = (prefixes[:, 1] - prefixes[:, 0]).to(question)
    within, across = question.square().sum(dim=-1), (question * prefix).sum(dim=-1)
    nan = torch.full_like(q, torch.nan)

    def mean(total: Tensor, pairs: Tensor) -> Tensor:
        return torch.where(pairs > 0, total / pairs.clamp_min(1), nan)

    def either(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(a.isnan(), b, torch.where(b.isnan(), a, a + b))

    intra, inter = mean(within, q * q), mean(across, q * n)
    intra_no_diag = mean(within - diagonal, q * (q - 1))
    return {
        "intra": intra,
        "intra_no_diag": intra_no_diag,
        "inter": inter,
        "total": either(intra, inter),
        "total_no_diag": either(intra_no_diag, inter),
        "tokens": questions[:, 1] - questions[:, 0],
    }


class _Sums:
    """The sums over a row of logits that scores are made of, relative to its greatest."""

    def __init__(self, logits: Tensor, temperature: float) -> None:
        if logits.shape[-1] == 0:
            raise EmptyError("support of 0 is empty")
        scaled = logits.double() / temperature
        self.temperature = temperature
        self.most, place = scaled.max(dim=-1)
        # A single +inf is certain: all others are impossible beside it.
        self.relative = torch.where(scaled == self.most[..., None], 0.0, scaled - self.most[..., None])
        self.rest = self.relative.scatter(-1, place[..., None], -torch.inf)
        self.gap = -self.rest.max(dim=-1).values
        # Beside a +inf, too, all but -inf is possible.
        self.is_possible = scaled > -torch.inf
        self.count = self.is_possible.sum(dim=-1).double()
        # NaN, more than one +inf, or nothing possible.
        self.is_faulty = (
            self.most.isnan() | (self.most == -torch.inf) | ((scaled == torch.inf).sum(dim=-1) > 1)
        )
        self.sum = self.rest.exp().sum(dim=-1)
        self.log = self.sum.log1p()

    def power(self, order: float) -> Tensor:
        """`ln sum e^(order d)` over all outcomes."""
        return (order * self.rest).exp().sum(dim=-1).log1p()

    def entropy(self) -> Tensor:
        weighted = torch.where(self.rest == -torch.inf, 0.0, self.rest.exp() * self.rest)
        return self.log - weighted.sum(dim=-1) / (1 + self.sum)

    def mean(self) -> Tensor:
        """The mean of what is possible."""
        return torch.where(self.is_possible, self.relative, 0.0).sum(dim=-1) / self.count

    def normalised_gap(self) -> Tensor:
        """The gap in standard deviations of what is possible."""
        squares = torch.where(self.is_possible, self.relative - self.mean()[..., None], 0.0).square()
        deviation = (squares.sum(dim=-1) / self.count).sqrt()
        ratio = torch.where(deviation > 0, self.gap / deviation, 0.0)
        # What the ratio tends to where one logit grows.
        limit = self.count / (self.count - 1).sqrt()
        ratio = torch.where(self.most == torch.inf, limit, ratio)
        return torch.where(self.count == 1, torch.inf, ratio)

    def renyi(self, order: float) -> Tensor:
        if order == 0:
            return self.count.log()
        if order == 1:
            return self.entropy()
        if order == float("inf"):
            return self.log
        return (self.power(order) - order * self.log) / (1 - order)

    def score(self, name: str) -> Tensor:
        if name.startswith("renyi-"):
            try:
                order = float(name.removeprefix("renyi-"))
            except ValueError:
                raise UnsupportedError(f"`score` does not support `{name}`") from None
            if not order >= 0:
                raise OutOfRangeError(f"order of an entropy is {order}, outside [0, inf]")
            return self.renyi(order)
        whole = 1 + self.sum
        match name:
            case "entropy":
                return self.entropy()
            case "normalised-entropy":
                return torch.where(self.count > 1, self.entropy() / self.count.log(), 0.0)
            case "gini":
                squares = (2 * self.rest).exp().sum(dim=-1)
                return (2 * self.sum + self.sum.square() - squares) / whole.square()
            case "least-confidence":
                return self.sum / whole
            case "margin-complement":
                return (self.sum + (-self.gap).exp()) / whole
            case "energy":
                return -self.temperature * (self.most + self.log)
            case "margin":
                return -torch.expm1(-self.gap) / whole
            case "relative-margin":
                return torch.tanh(self.gap / 2)
            case "logit-margin":
                return self.gap
            case "normalised-logit-margin":
                return self.normalised_gap()
            case "log-max-probability":
                return -self.log
            case "self-certainty":
                return self.log - self.mean() - self.count.log()
            case _:
                raise UnsupportedError(f"`score` does not support `{name}`")


def score_logits(
    logits: Tensor, scores: Sequence[str], *, temperature: float = 1.0
) -> dict[str, Tensor]:
    """Scores of rows of logits [..., vocab], each in its own sense, by name; see `curricle.scores`.

    float64, [...]. A logit of -inf is an impossible token. Cost: some copies of the logits in float64; hand over some
    rows at a time.

    Raises `UnsupportedError` for a name that is none, `EmptyError` for rows of no logits.

    >>> import torch
    >>> from curricle.torch import score_logits
    >>> found = score_logits(torch.tensor([[5.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), ["entropy", "margin"])
    >>> [round(value, 6) for value in found["entropy"].tolist()]
    [0.079869, 1.098612]
    """
    sums = _Sums(logits, temperature)
    return {name: torch.where(sums.is_faulty, torch.nan, sums.score(name)) for name in scores}
