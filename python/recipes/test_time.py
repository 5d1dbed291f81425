"""A budget at test time: of a stream of inputs, improve on the fifth of which the model is least sure, and on no more.

    python recipes/test_time.py

The model is a table of how often one symbol follows another; names that it has not seen make it unsure. Adapting on an
input is to count pairs like it, and to restore is to forget them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from curricle.test_time import Budget, Improver

SYMBOLS = 12


class Bigrams:
    """Counts of pairs, and those of an adaptation beside them."""

    def __init__(self, seed: int = 3) -> None:
        self.world = np.random.default_rng(seed).permutation(SYMBOLS)
        self.counts = np.ones((SYMBOLS, SYMBOLS))
        for symbol in range(SYMBOLS // 2):  # The other half was never seen.
            self.counts[symbol, self.world[symbol]] += 20
        self.extra = np.zeros_like(self.counts)

    def probabilities(self, symbol: int) -> Any:
        row = self.counts[symbol] + self.extra[symbol]
        return row / row.sum()

    def candidates(self, symbol: int) -> list[tuple[str, float]]:
        return [(str(k), float(-np.log(p))) for k, p in enumerate(self.probabilities(symbol))]

    def synthesise(self, symbol: int, count: int, seed: int) -> list[tuple[int, int]]:
        """Pairs like the input: what a look at the world says, wrong in one of four."""
        generator = np.random.default_rng(seed)
        wrong = generator.random(count) < 0.25
        said = np.where(wrong, generator.integers(0, SYMBOLS, count), self.world[symbol])
        return [(symbol, int(next_)) for next_ in said]

    def adapt(self, pairs: Sequence[tuple[int, int]]) -> None:
        for symbol, next_ in pairs:
            self.extra[symbol, next_] += 4

    def restore(self) -> None:
        self.extra[:] = 0

    def answer(self, symbol: int, demonstrations: Sequence[tuple[int, int]]) -> int:
        return int(self.probabilities(symbol).argmax())


def right(budget: Budget, queries: int = 400) -> tuple[float, float]:
    """The share of right answers, and of inputs that were adapted to."""
    model, improver = Bigrams(), Improver(budget, seed=7)
    stream = np.random.default_rng(11).integers(0, SYMBOLS, queries)
    answers = [improver.answer(model, int(symbol)) for symbol in stream]
    hits = [
        outcome.answer == model.world[symbol] for outcome, symbol in zip(answers, stream, strict=True)
    ]
    adapted = [outcome.action == "adapted" for outcome in answers]
    return float(np.mean(hits)), float(np.mean(adapted))


def main() -> None:
    print("                      right  adapted to")
    for name, budget in [
        ("never", Budget.fixed(2.0)),
        ("a fifth", Budget.tracking(0.2)),
        ("TT-SI, margin < 0.95", Budget.margin(0.95)),
        ("always", Budget.always()),
    ]:
        hits, adapted = right(budget)
        print(f"{name:<20} {hits:>6.1%}  {adapted:>9.1%}")


if __name__ == "__main__":
    main()
