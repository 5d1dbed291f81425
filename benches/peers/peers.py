"""The Python side of the peers bench: it is told a task, and times one round of each peer whenever asked.

    prepare TASK SAMPLES BATCH   ->  lines "peer NAME" and "skip NAME: WHY", then "ready"
    round                        ->  lines "NAME NANOSECONDS" (the median of a batch), then "done"
    quit
"""

import sys
import time

# How long a contender goes on in a round, in nanoseconds; at least three batches.
ROUND = 20_000_000

PEERS = {}
MISSING = {}
for package in ("numpy", "torch", "torchrl", "cpprb"):
    try:
        globals()[package] = __import__(package)
    except Exception as error:  # whatever keeps a package from loading keeps its peers out
        MISSING[package] = f"{type(error).__name__}"


def task(name, *packages):
    """Registers a peer: a function that sets up and returns (inputs, work)."""

    def register(make):
        where, peer = name
        PEERS.setdefault(where, []).append((peer, packages, make))
        return make

    return register


def start_weights(samples):
    return 0.5 + (numpy.arange(samples) % 97) / 97.0


def changes(samples, batch, rng):
    return rng.integers(samples, size=batch), 0.5 + rng.random(batch)


@task(("step", "numpy cumsum + searchsorted"), "numpy")
def _(samples, batch, rng):
    weights = start_weights(samples)

    def work(index, weight):
        weights[index] = weight
        sums = numpy.cumsum(weights)
        return numpy.searchsorted(sums, rng.random(batch) * sums[-1], side="right")

    return lambda: changes(samples, batch, rng), work


@task(("step", "numpy choice(p)"), "numpy")
def _(samples, batch, rng):
    weights = start_weights(samples)

    def work(index, weight):
        weights[index] = weight
        return rng.choice(samples, batch, p=weights / weights.sum())

    return lambda: changes(samples, batch, rng), work


@task(("step", "torch.multinomial"), "numpy", "torch")
def _(samples, batch, rng):
    weights = torch.from_numpy(start_weights(samples)).float()

    def inputs():
        index, weight = changes(samples, batch, rng)
        return torch.from_numpy(index), torch.from_numpy(weight).float()

    def work(index, weight):
        weights[index] = weight
        return torch.multinomial(weights, batch, replacement=True)

    return inputs, work


@task(("step", "torchrl PrioritizedSampler"), "numpy", "torch", "torchrl")
def _(samples, batch, rng):
    from torchrl.data import PrioritizedSampler
    from torchrl.data.replay_buffers.storages import TensorStorage

    storage = TensorStorage(torch.zeros(samples, dtype=torch.uint8))
    sampler = PrioritizedSampler(samples, alpha=1.0, beta=1.0)
    sampler.extend(torch.arange(samples))
    sampler.update_priority(torch.arange(samples), torch.from_numpy(start_weights(samples)).float())

    def inputs():
        index, weight = changes(samples, batch, rng)
        return torch.from_numpy(index), torch.from_numpy(weight).float()

    def work(index, weight):
        sampler.update_priority(index, weight)
        return sampler.sample(storage, batch)

    return inputs, work


@task(("step", "cpprb PrioritizedReplayBuffer"), "numpy", "cpprb")
def _(samples, batch, rng):
    buffer = cpprb.PrioritizedReplayBuffer(samples, {"x": {"dtype": numpy.uint8}}, alpha=1.0)
    buffer.add(x=numpy.zeros(samples, dtype=numpy.uint8), priorities=start_weights(samples))

    def work(index, weight):
        buffer.update_priorities(index, weight)
        return buffer.sample(batch, beta=1.0)

    return lambda: changes(samples, batch, rng), work


@task(("distinct", "numpy choice(replace=False, p)"), "numpy")
def _(samples, batch, rng):
    p = start_weights(samples)
    p /= p.sum()
    return lambda: (), lambda: rng.choice(samples, batch, replace=False, p=p)


def first_of(clocks, batch):
    """The places of the least numbers; at this size faster than argpartition."""
    return numpy.flatnonzero(clocks <= numpy.partition(clocks, batch - 1)[batch - 1])


@task(("distinct", "numpy exponential race + partition"), "numpy")
def _(samples, batch, rng):
    weights = start_weights(samples).astype(numpy.float32)

    def work():
        clocks = rng.standard_exponential(samples, dtype=numpy.float32)
        clocks /= weights
        return first_of(clocks, batch)

    return lambda: (), work


@task(("distinct", "torch.multinomial"), "numpy", "torch")
def _(samples, batch, rng):
    weights = torch.from_numpy(start_weights(samples)).float()
    return lambda: (), lambda: torch.multinomial(weights, batch, replacement=False)


def gaussian(mean, sd):
    def published(samples, batch, rng):
        ranks = numpy.arange(samples)

        def work():
            p = numpy.exp(-0.5 * ((ranks - mean(samples)) / sd(samples)) ** 2)
            return rng.choice(samples, batch, replace=False, p=p / p.sum())

        return lambda: (), work

    def rejection(samples, batch, rng):
        def work():
            found = numpy.empty(0, dtype=numpy.int64)
            while len(found) < batch:
                drawn = numpy.rint(mean(samples) + sd(samples) * rng.standard_normal(2 * batch))
                drawn = drawn[(drawn >= 0) & (drawn < samples)].astype(numpy.int64)
                both = numpy.concatenate([found, drawn])
                _, first = numpy.unique(both, return_index=True)
                found = both[numpy.sort(first)]
            return found[:batch]

        return lambda: (), work

    return published, rejection


for where, mean, sd in (
    ("gaussian at the start", lambda n: 0.0, lambda n: 1000.0),
    ("gaussian in the middle", lambda n: n / 2, lambda n: n / 20),
):
    published, rejection = gaussian(mean, sd)
    task((where, "numpy choice(p)"), "numpy")(published)
    task((where, "numpy rejection"), "numpy")(rejection)


@task(("bandit", "numpy softmax + choice + TD"), "numpy")
def _(arms, batch, rng):
    values = rng.random(arms)

    def work():
        p = numpy.exp((values - values.max()) / 0.1)
        drawn = rng.choice(arms, batch, p=p / p.sum())
        reward = rng.random(batch)
        seen, place = numpy.unique(drawn, return_inverse=True)
        means = numpy.bincount(place, reward) / numpy.bincount(place)
        values[seen] += 0.5 * (means - values[seen])

    return lambda: (), work


def selection(choose):
    def make(samples, batch, rng):
        success = rng.random(samples).astype(numpy.float32)
        draws = numpy.zeros(samples, dtype=numpy.int32)
        last = numpy.full(samples, -(10**6), dtype=numpy.int32)
        state = {"round": 0}

        def work():
            state["round"] += 1
            open_ = (success >= 0.2) & (success <= 0.8) & (last < state["round"] - 5)
            weights = numpy.where(open_, success * (1 - success), 0)
            drawn = choose(weights, batch, rng)
            success[drawn] += 0.3 * (rng.random(batch, dtype=numpy.float32) - success[drawn])
            draws[drawn] += 1
            last[drawn] = state["round"]

        return lambda: (), work

    return make


def choice(weights, batch, rng):
    weights = weights.astype(numpy.float64)
    return rng.choice(len(weights), batch, replace=False, p=weights / weights.sum())


def race(weights, batch, rng):
    some = numpy.flatnonzero(weights)
    clocks = rng.standard_exponential(len(some), dtype=numpy.float32) / weights[some]
    return some[first_of(clocks, batch)]


task(("selection", "numpy mask + choice(replace=False)"), "numpy")(selection(choice))
task(("selection", "numpy mask + exponential race"), "numpy")(selection(race))


def main():
    made, rng = [], None
    if "numpy" not in MISSING:
        rng = numpy.random.default_rng(1)
    for line in sys.stdin:
        verb, *rest = line.rstrip("\n").split("\t")
        if verb == "quit":
            return
        if verb == "prepare":
            made.clear()
            where, samples, batch = rest[0], int(rest[1]), int(rest[2])
            for name, packages, make in PEERS.get(where, []):
                missing = [f"{package} ({MISSING[package]})" for package in packages if package in MISSING]
                if missing:
                    print(f"skip\t{name}: {', '.join(missing)}")
                    continue
                try:
                    inputs, work = make(samples, batch, rng)
                    work(*inputs())
                except Exception as error:  # a peer that cannot is reported, not hidden
                    print(f"skip\t{name}: {type(error).__name__}: {str(error).splitlines()[0][:80] if str(error) else ''}")
                    continue
                made.append((name, inputs, work))
                print(f"peer\t{name}")
            print("ready", flush=True)
        elif verb == "round":
            for name, inputs, work in made:
                times = []
                while len(times) < 3 or (sum(times) < ROUND and len(times) < 2000):
                    arguments = inputs()
                    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
                    work(*arguments)
                    # Other processes hold a long batch up, but not its processor time; with several
                    # threads that is the greater.
                    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
                    times.append(min(wall, cpu) or wall)
                print(f"{name}\t{sorted(times)[len(times) // 2]}")
            print("done", flush=True)


if __name__ == "__main__":
    versions = [f"{name} {globals()[name].__version__}" for name in ("numpy", "torch", "torchrl") if name not in MISSING]
    print(f"python {sys.version.split()[0]}, {', '.join(versions)}; missing: {', '.join(MISSING) or 'nothing'}", flush=True)
    main()
