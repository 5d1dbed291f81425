"""Time of entropy and margin over rows of logits in PyTorch on the CPU, beside a streaming sum.

    pip install torch
    python benches/peers/logits_torch.py [rows]

The shapes are those of `cargo bench --bench logits`, which sums all scores in one read.
"""

import sys
import time

import torch

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 512
VOCAB = 151_936
PASSES = 5


def naive(z):
    """Softmax, logarithm, top two of the probabilities; the whole batch at once."""
    p = torch.softmax(z.float(), -1)
    top = torch.topk(p, 2, -1).values
    return -(p * torch.log(p.clamp_min(1e-45))).sum(-1), top[:, 0] - top[:, 1]


def by_logsumexp(z):
    """The entropy as logsumexp less the mean logit, as trainers of language models compute it."""
    z = z.float()
    lse = torch.logsumexp(z, -1)
    top = torch.topk(z, 2, -1).values
    p = torch.exp(top - lse[:, None])
    return lse - (torch.softmax(z, -1) * z).sum(-1), p[:, 0] - p[:, 1]


def chunked(z):
    """The same, eight rows at a time, so that what is between stays in a cache."""
    parts = [by_logsumexp(part) for part in z.split(8)]
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


def seconds(work):
    work()
    times = []
    for _ in range(PASSES):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times), sorted(times)[PASSES // 2]


def main():
    torch.manual_seed(1)
    z = torch.empty(ROWS, VOCAB)
    for row in z:
        row.normal_(0.0, 3.0)
        row[torch.randint(VOCAB, (4,))] = 12.0 + 6.0 * torch.rand(4)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, [{ROWS}, {VOCAB}], best and median of {PASSES}")
    best, median = seconds(lambda: z.sum())
    size = z.numel() * 4 / 1e9
    print(f"streaming sum: {size / best:.1f} GB/s (median {size / median:.1f})")
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        rows = z.to(dtype)
        for work in (naive, by_logsumexp, chunked):
            best, median = seconds(lambda: work(rows))
            entropy = work(rows)[0].mean().item()
            print(
                f"{name:4} {work.__name__:13} {best / ROWS * 1e6:8.1f} us/row"
                f"   median {median / ROWS * 1e6:8.1f}   entropy {entropy:.4f}"
            )


if __name__ == "__main__":
    with torch.inference_mode():
        main()
