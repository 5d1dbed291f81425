"""A mixture for pre-training whose shares are shares of tokens, and change in mid-run.

    python recipes/mixture.py

Three sources whose documents are of very different length. The table asks for tokens, half of them web text at first, and
a third of each source later. By samples, the long documents would take most of the tokens.
"""

import numpy as np

from curricle import Curriculum

SOURCES = ["books", "code", "web"]
MEAN_TOKENS = {"books": 4000, "code": 900, "web": 250}


def shares(unit: str, rounds: int = 400, change: int = 200) -> dict[str, list[float]]:
    """The shares of tokens of the sources before and after the change, where shares are of `unit`."""
    generator = np.random.default_rng(3)
    names = [SOURCES[k % 3] for k in range(30_000)]
    tokens = np.array([generator.poisson(MEAN_TOKENS[name]) + 1 for name in names])
    first, later = [0.25, 0.25, 0.5], [1 / 3, 1 / 3, 1 / 3]
    policy = {"mixture": {"table": [[0, first], [change, later]], "unit": unit}}
    curriculum = Curriculum(
        len(names), arms=names, arm_names=SOURCES, policy=policy, sampler="passes", seed=7
    )
    spent = np.zeros((2, 3))
    for round in range(rounds):
        batch = curriculum.draw(64)
        # A step of the model on these documents comes here.
        curriculum.observe(batch.tickets, cost=tokens[batch.samples])
        np.add.at(spent[int(round >= change)], batch.arms, tokens[batch.samples])
    parts = spent / spent.sum(axis=1, keepdims=True)
    return dict(zip(("before", "after"), parts.tolist(), strict=True))


def main() -> None:
    print("share of tokens    " + "".join(f"{name:>8}" for name in SOURCES))
    for unit in ("samples", "cost"):
        for when, parts in shares(unit).items():
            print(f"{unit:>8}, {when:<8} " + "".join(f"{100 * part:7.1f}%" for part in parts))


if __name__ == "__main__":
    main()
