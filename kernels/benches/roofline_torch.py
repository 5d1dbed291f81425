#!/usr/bin/env python3
"""PyTorch's ways to the sums of the angle kernel, at the shapes of roofline.rs, on the same card.

    python3 kernels/benches/roofline_torch.py --csv angle.csv

Appends to the file that roofline.rs wrote (same columns), or begins it. Three ways:

    torch eager      normalise, sum, square: O(n d), several passes over memory
    torch compiled   the same through torch.compile
    torch pairwise   normalise, then the n x n matrix of cosines and its mean: O(n^2 d), as published

Traffic is counted as the rows once, whatever a way really moves; share is that over the bandwidth
of a device-to-device copy, each byte counted as read and as written.
"""

import argparse
import csv
import os
import sys

LENGTHS = [128, 512, 2048, 8192]
DIMS = [1536, 3584, 4096]
HEADER = (
    "engine,device,dtype,n,d,megabytes,milliseconds,gb_per_s,copy_gb_per_s,share,"
    "units,together,chunk,planes"
).split(",")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--csv")
    parser.add_argument("--megabytes", type=int, default=2048)
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
            unit = torch.nn.functional.normalize(sample.float(), dim=-1, eps=1e-12)
            means.append((unit @ unit.T).mean())
        return torch.stack(means)

    compiled = torch.compile(closed, dynamic=False)
    lines = []
    for dtype_name, dtype, size in [("bf16", torch.bfloat16, 2), ("f32", torch.float32, 4)]:
        for d in DIMS:
            rows = (options.megabytes << 20) // (d * size)
            for n in LENGTHS:
                batch = rows // n
                if batch == 0:
                    continue
                x = torch.empty(batch, n, d, dtype=dtype, device=device).uniform_(-1, 1)
                reference = pairwise(x[:4])
                for engine, way in [
                    ("torch eager", closed),
                    ("torch compiled", compiled),
                    ("torch pairwise", pairwise),
                ]:
                    try:
                        found = way(x)
                        torch.testing.assert_close(found[:4], reference, rtol=1e-3, atol=1e-5)
                        milliseconds = measure(lambda: way(x))
                    except torch.cuda.OutOfMemoryError:
                        print(f"{engine:<22} {dtype_name:<5} {n:>6} {d:>7} out of memory")
                        torch.cuda.empty_cache()
                        continue
                    traffic = batch * n * d * size
                    rate = traffic / (milliseconds * 1e-3)
                    print(
                        f"{engine:<22} {dtype_name:<5} {n:>6} {d:>7} {traffic / 1e6:>8.1f} MB "
                        f"{milliseconds:>9.3f} ms {rate / 1e9:>8.1f} GB/s {100 * rate / copied:>6.1f} %"
                    )
                    lines.append(
                        [engine, name, dtype_name, n, d, f"{traffic / 1e6:.1f}"]
                        + [f"{milliseconds:.4f}", f"{rate / 1e9:.1f}", f"{copied / 1e9:.1f}"]
                        + [f"{rate / copied:.4f}", "", "", "", ""]
                    )
                del x
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
