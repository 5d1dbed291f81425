"""What a round costs among ranks that are processes of `torch.distributed` over gloo: 1 024 draws from 10^5 samples of 64
arms, and the report of each; the digest is the same for any number of them.

    python python/benches/ranks.py [--sizes 1 2 4 8] [--rounds 100]
    python python/benches/ranks.py --rank 0 --size 2 --address 10.0.0.1:29500   # one rank, as on each of several hosts
"""

import argparse
import subprocess
import sys
import time

import numpy as np

from curricle import Curriculum, Replicated
from curricle.ranks import TorchGroup


def one(rank: int, size: int, address: str, rounds: int) -> None:
    """Works as one rank and prints what it came to."""
    import torch.distributed as distributed

    distributed.init_process_group("gloo", init_method=f"tcp://{address}", rank=rank, world_size=size)
    made = Curriculum(100_000, arms=64, preset="post_training", gate="zero_signal", seed=1)
    feed = Replicated(made, TorchGroup())
    want = 1024 * (rank + 1) // size - 1024 * rank // size
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        batch = feed.draw(want)
        spent.append(time.perf_counter() - start)
        success = (batch.samples.astype(np.int64) * 7 + batch.round) % 9 / 8
        feed.observe(batch.tickets, success=success, abs_advantage=success * (1 - success), rollouts=8)
    feed.exchange()
    metrics = feed.metrics()
    median = 1000 * float(np.median(spent))
    sent, gathered = (metrics[f"ranks/bytes/{name}"] for name in ("sent", "gathered"))
    print(f"{rank} {size} {feed.digest:016x} {median:.2f} {sent:.0f} {gathered:.0f}", flush=True)
    distributed.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--rank", type=int)
    parser.add_argument("--size", type=int, default=1)
    parser.add_argument("--address", default="127.0.0.1:29512")
    options = parser.parse_args()
    if options.rank is not None:
        return one(options.rank, options.size, options.address, options.rounds)
    print("ranks  digest            ms a round  bytes sent  bytes gathered")
    for size in options.sizes:
        command = [sys.executable, "-P", __file__, "--size", str(size), "--rounds", str(options.rounds)]
        ranks = [
            subprocess.Popen([*command, "--rank", str(rank)], stdout=subprocess.PIPE, text=True)
            for rank in range(size)
        ]
        said = [rank.communicate()[0].split() for rank in ranks]
        digests = {words[2] for words in said}
        if len(digests) != 1:
            raise SystemExit(f"{size} ranks differ: {said}")
        most = max(float(words[3]) for words in said)
        print(f"{size:>5}  {digests.pop()}  {most:>10.2f}  {said[0][4]:>10}  {said[0][5]:>14}")


if __name__ == "__main__":
    main()
