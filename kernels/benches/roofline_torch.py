#!/usr/bin/env python3
"""PyTorch's ways to the sums of the kernels, at the shapes of roofline.rs, on the same card.

    python3 kernels/benches/roofline_torch.py --csv angle.csv

Appends to the file that roofline.rs wrote (same columns), or begins it. The ways to the mean cosine:

    angle torch eager      normalise, sum, square: O(n d), several passes over memory
    angle torch compiled   the same through torch.compile
    angle torch pairwise   normalise, then the n x n matrix of cosines and its mean: O(n^2 d), as published

and to the entropy and the margin of each row of logits, a part of what the kernel sums:

    logits torch eager     logsumexp less the mean logit, two greatest values
    logits torch compiled  the same through torch.compile
    logits torch maxima    the two greatest values by two maxima instead of a selection, compiled

Traffic is counted as the rows once, whatever a way really moves; share is that over the bandwidth
of a device-to-device copy, each byte counted as read and as written.
"""

import argparse
import csv
import os
import sys

LENGTHS = [128, 512, 2048, 8192]
DIMS = [1536, 3584, 4096]
VOCABS = [32_000, 151_936]
HEADER = (
    "engine,device,dtype,n,d,megabytes,milliseconds,gb_per_s,copy_gb_per_s,share,"
    "units,together,chunk,planes"
).split(",")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--csv")
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()

    try:
        import torch
    except ImportError:
        sys.exit("PyTorch is not installed")
    if not torch.cuda.is_available():
        sys.exit("PyTorch sees no CUDA device")
    device = torch.device("cuda")
    name = torch.cuda.get_device_name(device).replace(",", ";")

    def measure(call):
        for _ in range(3):
            call()
        best = float("inf")
        for _ in range(options.runs):
            start = torch.cuda.Event(enable_timing=True)
            end = torch.cuda.Event(enable_timing=True)
            start.record()
            call()
            end.record()
            torch.cuda.synchronize()
            best = min(best, start.elapsed_time(end))
        return best

    half = (options.megabytes << 20) // 2
    source = torch.empty(half, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copied = 2 * half / (measure(lambda: target.copy_(source)) * 1e-3)
    del source, target
    print(f"device: {name}, torch {torch.__version__}, copy {copied / 1e9:.1f} GB/s")

    def closed(x):
        """[B, n, d] -> [B], the mean cosine over all pairs."""
        unit = torch.nn.functional.normalize(x.float(), dim=-1, eps=1e-12)
        return unit.sum(dim=1).square().sum(dim=-1) / x.shape[1] ** 2

    def pairwise(x):
        """The same sample by sample through the matrix of cosines, which holds n^2 numbers."""
        means = []
        for sample in x:
            wide = sample if sample.dtype == torch.float64 else sample.float()
            unit = torch.nn.functional.normalize(wide, dim=-1, eps=1e-12)
            means.append((unit @ unit.T).mean())
        return torch.stack(means)

    def uncertainty(z):
        """[n, v] -> entropy [n] and margin [n]."""
        z = z.float()
        lse = torch.logsumexp(z, -1)
        top = torch.topk(z, 2, -1).values
        p = torch.exp(top - lse[:, None])
        return lse - (torch.softmax(z, -1) * z).sum(-1), p[:, 0] - p[:, 1]

    def by_maxima(z):
        """The same with two maxima, which a compiler can fuse with the other sums."""
        z = z.float()
        top, at = z.max(-1, keepdim=True)
        d = z - top
        e = d.exp()
        total = e.sum(-1)
        entropy = total.log() - (e * d).sum(-1) / total
        others = torch.arange(z.shape[-1], device=z.device) != at
        second = torch.where(others, d, -torch.inf).amax(-1)
        return entropy, (1 - second.exp()) / total

    def exactly(z):
        """The same from the definition, in double precision."""
        p = torch.softmax(z.double(), -1)
        top = torch.topk(p, 2, -1).values
        return -(torch.special.xlogy(p, p)).sum(-1), top[:, 0] - top[:, 1]

    lines = []

    def report(engine, dtype_name, n, d, traffic, way, x):
        try:
            milliseconds = measure(lambda: way(x))
        except torch.cuda.OutOfMemoryError:
            print(f"{engine:<22} {dtype_name:<5} {n:>6} {d:>7} out of memory", flush=True)
            torch.cuda.empty_cache()
            return
        rate = traffic / (milliseconds * 1e-3)
        print(
            f"{engine:<22} {dtype_name:<5} {n:>6} {d:>7} {traffic / 1e6:>8.1f} MB "
            f"{milliseconds:>9.3f} ms {rate / 1e9:>8.1f} GB/s {100 * rate / copied:>6.1f} %",
            flush=True,
        )
        lines.append(
            [engine, name, dtype_name, n, d, f"{traffic / 1e6:.1f}"]
            + [f"{milliseconds:.4f}", f"{rate / 1e9:.1f}", f"{copied / 1e9:.1f}"]
            + [f"{rate / copied:.4f}", "", "", "", ""]
        )

    compiled = torch.compile(closed, dynamic=False)
    compiled_uncertainty = torch.compile(uncertainty, dynamic=False)
    compiled_maxima = torch.compile(by_maxima, dynamic=False)
    torch._dynamo.config.cache_size_limit = 64
    for dtype_name, dtype, size in [("bf16", torch.bfloat16, 2), ("f32", torch.float32, 4)]:
        for d in DIMS:
            rows = (options.megabytes << 20) // (d * size)
            for n in LENGTHS:
                batch = rows // n
                if batch == 0:
                    continue
                x = torch.empty(batch, n, d, dtype=dtype, device=device).uniform_(-1, 1)
                reference = pairwise(x[:4].double())
                for engine, way in [
                    ("angle torch eager", closed),
                    ("angle torch compiled", compiled),
                    ("angle torch pairwise", pairwise),
                ]:
                    torch.testing.assert_close(way(x)[:4].double(), reference, rtol=1e-3, atol=1e-5)
                    report(engine, dtype_name, n, d, batch * n * d * size, way, x)
                del x
        for v in VOCABS:
            rows = (options.megabytes << 20) // (v * size)
            z = torch.empty(rows, v, dtype=dtype, device=device).normal_(0, 3)
            entropy, margin = exactly(z[:8])
            for engine, way in [
                ("logits torch eager", uncertainty),
                ("logits torch compiled", compiled_uncertainty),
                ("logits torch maxima", compiled_maxima),
            ]:
                found = way(z)
                torch.testing.assert_close(found[0][:8].double(), entropy, rtol=1e-4, atol=1e-4)
                torch.testing.assert_close(found[1][:8].double(), margin, rtol=1e-3, atol=1e-5)
                report(engine, dtype_name, rows, v, rows * v * size, way, z)
            del z
    if options.csv:
        begun = os.path.exists(options.csv) and os.path.getsize(options.csv) > 0
        with open(options.csv, "a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if not begun:
                writer.writerow(HEADER)
            writer.writerows(lines)
        print(f"appended to {options.csv}")


if __name__ == "__main__":
    main()
