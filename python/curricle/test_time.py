"""Effort while a model answers: which inputs are worth it, and a loop that adapts the model to them and undoes it.

A `Budget` selects items of a stream by their uncertainty, at a rate that is promised. An `Improver` scores an input,
asks the budget, has the model make up pairs like the input and train on them, checks, answers, and restores the model.
`Improver(budget)` is TT-SI as published (Acikgoz et al., *Self-Improving LLM Agents at Test-Time*, arXiv 2510.07841);
its options guard against what that leaves open.

>>> from curricle.test_time import Budget, Improver
>>> class Biased:
...     "Adds a bias to its input; adapting sets the bias."
...     bias = 0.0
...     def candidates(self, input):
...         return [("up", 0.6), ("down", 0.8)]
...     def synthesise(self, input, count, seed):
...         return [input] * count
...     def adapt(self, samples):
...         self.bias = sum(samples) / len(samples)
...     def restore(self):
...         self.bias = 0.0
...     def answer(self, input, demonstrations):
...         return input + self.bias
>>> model, improver = Biased(), Improver(Budget.margin(0.95), seed=7)
>>> outcome = improver.answer(model, 3.0)
>>> outcome.action, outcome.answer, model.bias
('adapted', 6.0, 0.0)
>>> improver.verify(outcome.ticket, given=True, base=False)
>>> improver.summary()["fixed"]
1

Decisions are a function of the seed, the options and what the model says, in order: let it use no clock, and no
generator but one that is made of the `seed` that it is given.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from ._core import Budget, Choice, Failure, Improver, Outcome

__all__ = ["Budget", "Choice", "Failure", "Improver", "Model", "Outcome"]

_Input = TypeVar("_Input", contravariant=True)
_Sample = TypeVar("_Sample")
_Answer = TypeVar("_Answer", covariant=True)


class Model(Protocol[_Input, _Sample, _Answer]):
    """A model that can be improved on one input at a time. Inputs, training pairs and answers are objects of any kind.

    Any verb may raise. The loop then calls `restore` and answers with the model as it is, so a verb must leave the
    model in a state from which `restore` can bring it back.

    Beside the five verbs that are here it may have others. One that is absent, or that returns None for a number, a
    text or a vector, is not offered: an option that needs it gives a `Failure`, never a guess.

    - `accepts(input, sample)`: whether a pair may be trained on: it can be parsed, fits the schema, a verifier agrees.
      Without it, it may.
    - `text(sample)`: the canonical text of a pair, by which duplicates are found.
    - `agreement(sample, answers, seed)`: the share, in [0, 1], of so many own answers to the question of a pair that
      agree with its answer.
    - `loss(sample)`: the loss of a pair with the weights as they now are, in nats.
    - `relevance(input, sample)`: how much a pair has to do with an input, in [0, 1]: 1 if whoever knows the pair can
      answer the input.
    - `drift()`: how far the weights as they now are have moved what the model says about some fixed inputs, in nats.
    - `embedding(input)`: a vector that is close, by its angle, to those of similar inputs.
    - `store(cluster)`: keeps what the last `adapt` made under the number of a cluster.
    - `load(cluster)`: puts on what was stored for a cluster; returns whether there was anything.
    """

    def candidates(self, input: _Input, /) -> Iterable[tuple[str, float] | tuple[str, float, int]]:
        """The possible answers to an input, each with its negative log-likelihood under the model: small is likely; and
        with how many tokens it has, if `per_length` is to count them. Wordings of one answer share a key and add up."""

    def synthesise(self, input: _Input, count: int, seed: int, /) -> Iterable[_Sample]:
        """Makes up `count` training pairs like the input, whose own answer is not known. The same seed gives the same
        pairs. What exceeds `count` is not used."""

    def adapt(self, samples: Sequence[_Sample], /) -> None:
        """Trains on the pairs, beginning with the weights as they are by themselves."""

    def restore(self) -> None:
        """Brings everything back to what it was before the first `adapt` or `load`, bit for bit: weights, moments of an
        optimiser, caches, generators. Calling it twice is harmless."""

    def answer(self, input: _Input, demonstrations: Sequence[_Sample], /) -> _Answer:
        """Answers an input with the weights as they now are. `demonstrations` are shown with the input in the variant
        "in_context" only; otherwise they are empty."""
