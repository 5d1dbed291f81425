"""What a call from Python costs: a draw of 512 from 10^6 samples and an observation of 512 outcomes, beside the same
from Rust, in turns in one run; and beside what else draws 512 from 10^6 by weight from Python.

    python python/benches/calls.py [--cargo COMMAND]

Rust is measured by `cargo bench --bench calls`, built as the wheel is; `torchrl` is measured where it is installed. Of
each the time that a tenth of the calls stay below, the least of fifteen turns: neighbours of a virtual machine make calls
slow for seconds.
"""

import argparse
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from curricle import Curriculum

SAMPLES, ARMS, BATCH, ROUNDS, TURNS = 1_000_000, 100, 512, 4000, 15
CONFIG = {
    "seed": 1,
    "policy": {"bounded": {"floor": {"epsilon": 0.1, "prior": "uniform"}, "inner": {"boltzmann": {}}}},
    "signal": "group_spread",
}


def timed(call: Callable[[], Any], calls: int) -> float:
    """Microseconds that a tenth of the calls stay below."""
    spent = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        call()
        spent.append(time.perf_counter_ns() - start)
    return float(np.quantile(spent, 0.1)) / 1000


def ours() -> dict[str, float]:
    curriculum = Curriculum(SAMPLES, ARMS, **CONFIG)  # type: ignore[arg-type]
    success = np.arange(BATCH, dtype=np.float32) / BATCH
    doubles = success.astype(np.float64)
    rewards = np.zeros((BATCH, 8), dtype=np.float32)
    rewards[:, ::2] = 1.0
    spent: dict[str, list[int]] = {
        name: []
        for name in ("draw", "arrays", "observe float32", "observe float64", "observe rewards[512, 8]")
    }
    fields: list[tuple[str, dict[str, Any]]] = [
        ("observe float32", {"success": success, "rollouts": 8}),
        ("observe float64", {"success": doubles, "rollouts": 8}),
        ("observe rewards[512, 8]", {"rewards": rewards}),
    ]
    clock = time.perf_counter_ns
    for turn in range(ROUNDS):
        start = clock()
        batch = curriculum.draw(BATCH)
        drawn = clock()
        tickets, _ = batch.tickets, batch.samples
        made = clock()
        name, outcome = fields[turn % 3]
        begun = clock()
        curriculum.observe(tickets, **outcome)
        done = clock()
        spent["draw"].append(drawn - start)
        spent["arrays"].append(made - drawn)
        spent[name].append(done - begun)
    return {name: float(np.quantile(of, 0.1)) / 1000 for name, of in spent.items()}


def rust(cargo: str) -> dict[str, float]:
    command = [
        cargo,
        "bench",
        "--quiet",
        # What the wheel is built with: else its calls are shorter than those that they make.
        "--profile",
        "wheel",
        "--no-default-features",
        "--features",
        "config",
        "--bench",
        "calls",
    ]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    draw, observe, groups = (float(word) for word in done.stdout.split()[-3:])
    return {"draw": draw, "observe": observe, "observe rewards[512, 8]": groups}


def by_numpy() -> float:
    draws = np.random.default_rng(1)
    weights = draws.random(SAMPLES) + 0.5
    probabilities = weights / weights.sum()
    return timed(lambda: draws.choice(SAMPLES, BATCH, p=probabilities), 20)


def by_torchrl() -> tuple[float, float] | None:
    """A draw, and an update of priorities."""
    try:
        import torch
        from torchrl.data import LazyTensorStorage, PrioritizedSampler
    except ImportError:
        return None
    sampler = PrioritizedSampler(SAMPLES, alpha=1.0, beta=1.0)
    storage = LazyTensorStorage(SAMPLES)
    storage.set(range(SAMPLES), torch.zeros(SAMPLES, 1))
    sampler.extend(torch.arange(SAMPLES))
    sampler.update_priority(torch.arange(SAMPLES), torch.rand(SAMPLES) + 0.5)
    index = torch.randint(SAMPLES, (BATCH,))
    priorities = torch.rand(BATCH) + 0.5
    draw = timed(lambda: sampler.sample(storage, BATCH), 200)
    return draw, timed(lambda: sampler.update_priority(index, priorities), 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cargo", default="cargo")
    options = parser.parse_args()
    rust(options.cargo)  # builds
    inside: dict[str, float] = {}
    outside: dict[str, float] = {}
    for _ in range(TURNS):
        for best, found in ((inside, rust(options.cargo)), (outside, ours())):
            for name, microseconds in found.items():
                best[name] = min(best.get(name, np.inf), microseconds)
    print(f"{BATCH} of {SAMPLES} samples in {ARMS} arms, microseconds a call, numpy {np.__version__}")
    print(f"{'':<28}{'Rust':>9}{'Python':>9}{'more':>9}")
    for name in [name for name in outside if name != "arrays"]:
        twin = name if name in inside else "observe"
        print(
            f"{name:<28}{inside[twin]:>9.1f}{outside[name]:>9.1f}{outside[name] - inside[twin]:>9.1f}"
        )
    print(f"{'arrays tickets, samples':<28}{'':>9}{outside['arrays']:>9.1f}")
    print(f"{'numpy Generator.choice(p)':<28}{'':>9}{by_numpy():>9.1f}")
    peer = by_torchrl()
    if peer is None:
        print("torchrl is not installed")
    else:
        print(f"{'torchrl, draw':<28}{'':>9}{peer[0]:>9.1f}")
        print(f"{'torchrl, update':<28}{'':>9}{peer[1]:>9.1f}")


if __name__ == "__main__":
    main()
