"""The closed forms of angle concentration in PyTorch on the processor: GB/s of input.

Run by `cargo bench --bench angle`; takes the number of megabytes of f32 states.
"""

import sys
import time

import torch
import torch.nn.functional as F

SHAPES = [(128, 1536), (512, 3584), (2048, 4096), (8192, 4096)]
PASSES = 5


def normalised(x):
    return F.normalize(x.float(), dim=2).sum(1).square().sum(1)


def mat_vec(x):
    scale = torch.linalg.vector_norm(x, dim=2, dtype=torch.float32).clamp_min(1e-12).reciprocal()
    return torch.bmm(scale.to(x.dtype).unsqueeze(1), x).squeeze(1).float().square().sum(1)


def best(form, x):
    form(x)
    seconds = []
    for _ in range(PASSES):
        start = time.perf_counter()
        form(x)
        seconds.append(time.perf_counter() - start)
    return x.numel() * x.element_size() / min(seconds) / 1e9


torch.manual_seed(1)
print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, best of {PASSES} passes")
numbers = int(sys.argv[1]) * 250_000
for name, dtype in [("f32", torch.float32), ("bf16", torch.bfloat16)]:
    for n, d in SHAPES:
        x = (torch.rand(numbers // (n * d), n, d) - 0.3).to(dtype)
        forms = [f"{f.__name__} {best(f, x):.1f} GB/s" for f in (normalised, mat_vec)]
        print(f"{name:<4} [{n:>4}, {d}] x {x.shape[0]:<5} {', '.join(forms)}")
