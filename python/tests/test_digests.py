"""The same seed and feedback give the same decisions as in Rust: one digest after each round."""

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Runs, golden, outcome

from curricle import PRESETS, Batch, Curriculum

NAMES = [run["name"] for run in golden("digests.json")]


def built(run: dict[str, Any]) -> Curriculum:
    return Curriculum.from_config(run["config"], run["samples"], arms=run["arms"])


def digests(curriculum: Curriculum, run: dict[str, Any]) -> Iterator[str]:
    """Reports each round when `lag` further ones are drawn, and gives every seventeenth ticket up."""
    drawn: list[Batch] = []
    for _ in range(run["rounds"]):
        drawn.append(curriculum.draw(run["batch"]))
        if len(drawn) > curriculum.lag:
            batch = drawn.pop(0)
            is_lost = batch.tickets % 17 == 0
            tickets, samples = batch.tickets[~is_lost], batch.samples[~is_lost]
            curriculum.observe(tickets, strict=True, **outcome(samples))
            curriculum.lose(batch.tickets[is_lost])
        yield f"{curriculum.digest:016x}"


@pytest.mark.parametrize("name", NAMES)
def test_decisions_are_those_of_rust(name: str, runs: Runs) -> None:
    run = next(run for run in runs if run["name"] == name)
    assert list(digests(built(run), run)) == run["digests"]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_those_of_rust(preset: str, runs: Runs) -> None:
    run = next(run for run in runs if run["preset"] == preset)
    curriculum = Curriculum(run["samples"], run["arms"], preset=preset, seed=7)
    assert list(digests(curriculum, run)) == run["digests"]


def test_every_preset_has_a_run(runs: Runs) -> None:
    assert {run["preset"] for run in runs} == {None, *PRESETS}


@pytest.mark.parametrize("name", NAMES)
def test_a_run_goes_on_from_its_state(name: str, runs: Runs) -> None:
    run = next(run for run in runs if run["name"] == name)
    whole, after = built(run), built(run)
    for _ in range(run["rounds"] // 2):
        batch = whole.draw(run["batch"])
        # Of the last round a part only.
        seen = slice(0, None) if whole.round < run["rounds"] // 2 else slice(0, len(batch) // 2)
        whole.observe(batch.tickets[seen], strict=True, **outcome(batch.samples[seen]))
    after.load_state_dict(whole.state_dict())
    assert after.digest == whole.digest and after.round == whole.round
    assert after.unfinished() == whole.unfinished()
    for curriculum in (whole, after):
        for batch in curriculum.unfinished():
            curriculum.observe(batch.tickets, **outcome(batch.samples))
    first, second = whole.draw(run["batch"]), after.draw(run["batch"])
    assert first == second and whole.digest == after.digest
