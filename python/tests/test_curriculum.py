"""How a curriculum is built, what it shows, and how it changes."""

import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import curricle
from curricle import Batch, Curriculum


def test_arrays_of_a_batch() -> None:
    batch = Curriculum(100, arms=4, importance=1.0, weights=np.arange(1.0, 101.0)).draw(8)
    kinds: list[NDArray[Any]] = [
        batch.tickets,
        batch.samples,
        batch.arms,
        batch.propensities,
        batch.loss_weights,
    ]
    assert [array.dtype.name for array in kinds] == ["uint64", "uint64", "uint32", "float64", "float32"]
    assert all(array.shape == (8,) and array.flags.c_contiguous for array in kinds)
    assert batch.samples is batch.samples
    assert (batch.samples // 25 == batch.arms).all() and len(set(batch.samples.tolist())) == 8
    least = batch.propensities.min()
    np.testing.assert_allclose(batch.loss_weights, least / batch.propensities, rtol=1e-6)
    again: Batch = pickle.loads(pickle.dumps(batch))
    assert again == batch and again.propensities.tolist() == batch.propensities.tolist()


def test_arms() -> None:
    numbers = np.array([2, 0, 1, 2, 2])
    words = np.array(["math", "code", "chat", "math", "math"])
    by_number, by_word = Curriculum(5, numbers), Curriculum(5, words)
    assert by_word.arm_names == ["chat", "code", "math"] and by_number.arm_names == ["0", "1", "2"]
    assert [by_number.arm_of(sample) for sample in range(5)] == numbers.tolist()
    assert [by_word.arm_of(sample) for sample in range(5)] == [2, 1, 0, 2, 2]
    named = Curriculum(5, list(words), arm_names=["code", "math", "chat", "more"])
    assert [named.arm_of(sample) for sample in range(5)] == [1, 0, 2, 1, 1] and len(
        named.arm_names
    ) == 4
    blocks = Curriculum(10, 3)
    assert [blocks.arm_of(sample) for sample in range(10)] == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert Curriculum(5).arm_names == ["0"]
    more = Curriculum(2, [0, 0], arm_names=["a", "b"])
    assert more.arm_names == ["a", "b"]


def test_one_description_in_three_forms() -> None:
    toml = 'seed = 7\nlag = 1\ngate = "zero_signal"\npolicy.boltzmann.temperature = 0.1\nsignal = "group_spread"'
    by_toml = Curriculum.from_toml(toml, 50, arms=5)
    policy = {"boltzmann": {"temperature": 0.1}}
    by_words = Curriculum(
        50, 5, policy=policy, signal="group_spread", gate="zero_signal", seed=7, lag=1
    )
    by_config = Curriculum.from_config(by_toml.config, 50, arms=5)
    states = {it.state_dict()["state"] for it in (by_toml, by_words, by_config)}
    assert len(states) == 1 and by_words.config == by_toml.config


def test_order_is_drawn_best_first() -> None:
    rule = {"paper": {"n": 64.0, "alpha": 2.0, "beta": 0.5, "gamma": 0.5}}
    policy = {"gaussian": {"rule": rule, "spread": {"fraction": 0.05}}}
    curriculum = Curriculum(1000, order=np.arange(1000)[::-1], policy=policy, signal="utility")
    assert (curriculum.draw(64).samples > 500).all()


def test_metrics_by_arm_are_the_metrics() -> None:
    curriculum = Curriculum(
        60, ["a/b"] * 20 + ["a"] * 20 + ["b/drawn"] * 20, preset="post_training", gate="zero_signal"
    )
    for _ in range(3):
        batch = curriculum.draw(12)
        curriculum.observe(
            batch.tickets, rewards=np.tile([0.0, 1.0], (12, 1)) * (batch.arms == 0)[:, None]
        )
    flat, by_arm = curriculum.metrics(), curriculum.arm_metrics()
    found = {
        f"arm/{name}/{quantity}": values[arm]
        for quantity, values in by_arm.items()
        for arm, name in enumerate(curriculum.arm_names)
        if not np.isnan(values[arm])
    }
    assert found == {name: value for name, value in flat.items() if name.startswith("arm/")}
    assert all(np.isfinite(value) for value in flat.values())
    assert by_arm["drawn"].sum() == curriculum.counts()["drawn"] == 36
    np.testing.assert_array_equal(by_arm["share"], curriculum.shares())


def test_tickets_are_conserved() -> None:
    curriculum = Curriculum(100, arms=4, gate="zero_signal", lag=2)
    for _ in range(10):
        batch = curriculum.draw(10)
        curriculum.lose(batch.tickets[:2])
        curriculum.observe(batch.tickets[2:], rewards=[[0.0, 1.0]] * 4 + [[1.0, 1.0]] * 4)
    counts = curriculum.counts()
    drawn = counts.pop("drawn")
    assert drawn == sum(counts.values()) == 100
    assert (counts["admitted"], counts["rejected"], counts["lost"]) == (40, 40, 20)


def test_samples_and_arms_come_and_go() -> None:
    curriculum = Curriculum(
        4, arms=2, keys=["a", "b", "c", 2**100], policy="boltzmann", signal="group_spread"
    )
    assert curriculum.find(2**100) == 3 and curriculum.find("z") is None
    arm = curriculum.add_arm()
    sample = curriculum.insert(arm, key="new", weight=3.0)
    assert (arm, sample, curriculum.arm_of(4), curriculum.weight(4), len(curriculum)) == (
        2,
        4,
        2,
        3.0,
        5,
    )
    curriculum.remove(0)
    curriculum.retag(1, 1)
    curriculum.set_weights(np.array([1, 2]), np.array([0.0, 7.0]))
    assert (len(curriculum), curriculum.weight(1), curriculum.weight(2)) == (4, 0.0, 7.0)
    assert set(curriculum.draw(3).samples.tolist()) == {2, 3, 4}
    explanation = curriculum.explain(1)
    assert explanation["obstacle"] == "no_weight" and "sample 1 is in arm 1" in str(explanation)
    mixture = Curriculum(10, 2, policy={"fixed": {"weights": [1.0, 1.0]}})
    mixture.set_mixture([3.0, 1.0])
    mixture.draw(1)
    assert mixture.shares().tolist() == [0.75, 0.25]


def test_costs_bound_a_batch() -> None:
    curriculum = Curriculum(100, costs=np.full(100, 10.0), sampler="distinct")
    assert len(curriculum.draw_within(45.0)) == 4
    curriculum.observe(curriculum.unfinished()[0].tickets, success=1.0)
    curriculum.set_costs(range(100), [20.0] * 100)
    assert len(curriculum.draw_within(45.0)) == 2


def test_versions_make_feedback_stale() -> None:
    curriculum = Curriculum(10, gate={"stale": {"most": {"versions": 2}}})
    batch = curriculum.draw(1)
    curriculum.set_version(3)
    results = curriculum.observe(batch.tickets, success=0.5)
    assert curricle.Code(results.codes[0]) is curricle.Code.STALE
    assert (batch.version, curriculum.version, curriculum.round) == (0, 3, 1)


def test_refill_fills_a_step() -> None:
    curriculum = Curriculum(400, arms=4, gate="zero_signal", refill={"most": 200}, seed=2)
    step, asked = curriculum.step(8), 0
    while step.kind == "draw":
        assert step.batch is not None
        useful = step.batch.arms == 0
        curriculum.observe(
            step.batch.tickets, rewards=np.tile([0.0, 1.0], (len(step.batch), 1)) * useful[:, None]
        )
        step, asked = curriculum.step(8), asked + 1
    assert step.kind == "ready" and asked > 1 and step.batch is not None
    assert len(step.batch) == 8 and (step.batch.arms == 0).all()
    assert step.rounds is not None and step.rounds.shape == (8,) and step.versions is not None
    hopeless = Curriculum(100, gate="zero_signal", refill={"most": 10, "starvation": "fail"})
    step = hopeless.step(4)
    while step.kind == "draw":
        assert step.batch is not None
        hopeless.observe(step.batch.tickets, rewards=[[0.0, 0.0]] * len(step.batch))
        step = hopeless.step(4)
    assert (step.kind, step.have, step.drawn, step.batch) == ("starved", 0, 10, None)


def test_files(tmp_path: Path) -> None:
    curriculum = Curriculum(1000, arms=4, policy="boltzmann", signal="group_spread", seed=9)
    batch = curriculum.draw(16)
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    curriculum.save(plain)
    curriculum.save(packed, level=3)
    assert packed.stat().st_size < plain.stat().st_size
    for path in (plain, packed):
        again = Curriculum(1000, arms=4, policy="boltzmann", signal="group_spread", seed=9)
        again.restore(path)
        alone = Curriculum.of_snapshot(path)
        assert alone.config == curriculum.config
        for other in (again, alone):
            assert other.unfinished() == [batch] and other.digest == curriculum.digest


def test_threads_take_turns() -> None:
    curriculum = Curriculum(
        100_000, arms=64, policy="boltzmann", signal="group_spread", missing="lose", sampler="replace"
    )
    drawn: list[Batch] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                batch = curriculum.draw(256)
                drawn.append(batch)
                curriculum.observe(batch.tickets, success=0.5, rollouts=8)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and len(drawn) == 400
    tickets = np.sort(np.concatenate([batch.tickets for batch in drawn]))
    assert (tickets == np.arange(400 * 256)).all()
    assert sorted(batch.round for batch in drawn) == list(range(400))
    counts = curriculum.counts()
    assert counts["drawn"] == counts["admitted"] + counts["lost"] + counts["open"] == 400 * 256


def test_the_interpreter_runs_while_rust_works() -> None:
    """A draw of very many samples takes long; another thread goes on in the meantime."""
    curriculum = Curriculum(3_000_000, sampler="distinct")
    ticks = 0
    finished = threading.Event()

    def draw() -> None:
        curriculum.draw(2_000_000)
        finished.set()

    thread = threading.Thread(target=draw)
    thread.start()
    while not finished.wait(0.001):
        ticks += 1
    thread.join()
    assert ticks > 5


def test_fingerprint() -> None:
    rows = ["a", "bc"]
    assert curricle.fingerprint(rows) == curricle.fingerprint(row.encode() for row in rows)
    assert curricle.fingerprint(rows) != curricle.fingerprint(["ab", "c"])
    try:
        curricle.fingerprint(["a", 1.5])  # type: ignore[list-item]
    except TypeError:
        return
    raise AssertionError("a number is no row")
