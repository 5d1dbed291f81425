"""One rank of the runs of `tests/data/ranks.json`, in a process of its own: over `torch.distributed` (`rank.py torch FILE RANK
SIZE`) or over MPI (`mpiexec -n 4 python rank.py mpi`). Prints the digests of all rounds as JSON, of MPI those of all ranks."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from curricle import Curriculum, Replicated
from curricle.ranks import Exchange, MpiGroup, TorchGroup

FILE = Path(__file__).parents[2] / "tests/data/ranks.json"


def runs() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(FILE.read_text())["runs"]
    return found


def divided(total: int, size: int, round: int) -> list[int]:
    """So many samples among ranks, unevenly, in another way in each round."""
    weights = np.random.default_rng([round, size]).integers(0, 4, size)
    weights[round % size] += 1
    edges = np.rint(np.cumsum(weights) * total / weights.sum()).astype(int)
    return [int(part) for part in np.diff(edges, prepend=0)]


def curriculum(run: dict[str, Any]) -> Curriculum:
    samples = run["samples"]
    return Curriculum.from_config(run["config"], samples, np.arange(samples) % 6)


def outcome(samples: np.ndarray[Any, Any], round: int) -> dict[str, Any]:
    success = ((7 * samples.astype(np.int64) + 3 * round) % 5) / 4
    return {"success": success, "abs_advantage": success * (1 - success), "rollouts": 8}


def digests(run: dict[str, Any], exchange: Exchange, size: int) -> list[str]:
    feed, found = Replicated(curriculum(run), exchange), []
    for round, total in enumerate(run["wants"]):
        batch = feed.draw(divided(total, size, round)[exchange.rank])
        feed.observe(batch.tickets, strict=True, **outcome(batch.samples, batch.round))
        found.append(f"{feed.digest:016x}")
    return found


def main(transport: str, *arguments: str) -> None:
    if transport == "torch":
        import torch.distributed as distributed

        file, rank, size = arguments
        distributed.init_process_group(
            "gloo", init_method=f"file://{file}", rank=int(rank), world_size=int(size)
        )
        exchange: Exchange = TorchGroup()
    else:
        from mpi4py import MPI

        exchange = MpiGroup(MPI.COMM_WORLD.Dup())
        found = [digests(run, exchange, exchange.size) for run in runs()]
        # What ranks write to one pipe is mixed up.
        of_all = MPI.COMM_WORLD.gather(found)
        if of_all is not None:
            print(json.dumps(of_all))
        return
    print(json.dumps([digests(run, exchange, exchange.size) for run in runs()]), flush=True)
    distributed.destroy_process_group()
    # Threads of PyTorch may still let tensors go when the interpreter ends, which aborts.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
