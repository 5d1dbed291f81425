"""Policies and signals of one's own, written in Python: handed to `Curriculum` instead of a name.

They are asked once a round, which costs some hundred microseconds: what is fast is written in Rust. What they raise is
raised by the call that asked them, interrupts included. What was raised in `shares` or `score` is over then: the call can
be made again, and a journal holds what happened. A policy that has raised in `learn` decides nothing any more and is saved
nowhere; the journal, opened again, lets it learn anew. One that has learned and has no `state_dict` cannot be saved. A
part does not call its own curriculum: that is an `UnsupportedError`.

>>> import numpy as np
>>> from curricle import Curriculum
>>> class Greedy:
...     "Half of the samples from the arm with the best last score."
...     def prepare(self, arms):
...         self.scores = np.ones(arms)
...     def shares(self, *, round, n, seed):
...         shares = np.full(len(self.scores), 0.5 / len(self.scores))
...         shares[self.scores.argmax()] += 0.5
...         return shares
...     def learn(self, rewards):
...         self.scores[rewards["arms"]] = rewards["scores"]
...     def state_dict(self):
...         return {"scores": self.scores.tolist()}
...     def load_state_dict(self, state):
...         self.scores = np.array(state["scores"])
>>> class Surprise:
...     "How far the loss is from that of chance."
...     needs = ["loss"]
...     def score(self, trials):
...         return np.abs(trials["loss"] - 1.0)
>>> curriculum = Curriculum(100, arms=4, policy=Greedy(), signal=Surprise())
>>> for _ in range(10):
...     batch = curriculum.draw(20)
...     results = curriculum.observe(batch.tickets, loss=np.where(batch.arms == 2, 3.0, 1.0))
>>> curriculum.shares().round(3).tolist()
[0.125, 0.125, 0.625, 0.125]

Decisions are the same wherever the object's are: let it use no clock, no generator but one that is made of `seed`, and
nothing whose order is not fixed.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Policy", "Signal"]


class Policy(Protocol):
    """Allots a probability to every arm, and learns from what came back.

    Beside what is here it may have `reads`, the names of what it reads of rewards ("score", "success", "loss", "cost";
    the score alone without it); `prepare(arms)`, called when the curriculum is built; `grow(arms)`, for `add_arm`; and
    `state_dict()` with `load_state_dict(state)`, without which it has no state. A state is what JSON can say. An object
    that takes over a saved state is a deep copy of the one that the curriculum was built with.
    """

    def shares(self, *, round: int, n: int, seed: int) -> ArrayLike:
        """How much of the next round's `n` samples each arm is to get, in any unit; `seed` are 64 random bits of this
        round, the same in each run."""

    def learn(self, rewards: dict[str, NDArray[Any]]) -> None:
        """Learns from a round: of each arm that had a ticket in it `arms`, `counts`, `lost`, `rollouts`, mean `scores`,
        `successes` and `losses`, total `costs`, its `shares`, `evidence` and `dips`; NaN where nothing was reported."""


class Signal(Protocol):
    """Scores settled tickets: the higher, the more there is to learn.

    Beside what is here it may have `needs`, the names of the fields of an outcome that it cannot do without, and
    `options`, which JSON can say and a saved state must agree with.
    """

    def score(self, trials: dict[str, NDArray[Any]]) -> Sequence[float] | NDArray[np.floating[Any]]:
        """A finite score of each trial, in order: `tickets`, `samples`, `arms`, the fields of the outcomes, and what was
        known before: `settled`, `mean_success` and `last_score` of the sample, `arm_success`, `arm_success_slow` and
        `evidence` of the arm; NaN for what was not reported."""
