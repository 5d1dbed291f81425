"""`curricle decontaminate` beside an n-gram search in Python, in one run.

Writes a corpus (words by a power law; one training text in a hundred has a passage of a test text), lets both look all
test texts up in it, compares what they find, and prints seconds, texts a second and peak memory. Python reads a part of
the corpus (`--part`), on one core, as such scripts do; the command reads all of it, on all cores.

    cargo build --release --features cli
    python3 benches/peers/decontaminate.py --curricle target/release/curricle
"""

import argparse
import csv
import json
import os
import random
import re
import resource
import subprocess
import tempfile
import time

WORDS = 60
N = 8


def corpus(folder, count, tests):
    draw = random.Random(1)
    vocabulary = [f"w{rank}" for rank in range(50_000)]
    weights = [1 / (rank + 10) for rank in range(len(vocabulary))]
    pool = draw.choices(vocabulary, weights, k=4_000_000)

    def text(words):
        start = draw.randrange(len(pool) - words)
        # A window of the pool, with some words of its own: else all texts would share long passages.
        found = pool[start : start + words]
        for place in range(0, words, 4):
            found[place] = pool[draw.randrange(len(pool))]
        return found

    test = [text(draw.randrange(20, 100)) for _ in range(tests)]
    with open(os.path.join(folder, "test.jsonl"), "w") as file:
        for words in test:
            file.write(json.dumps({"text": " ".join(words)}) + "\n")
    with open(os.path.join(folder, "train.jsonl"), "w") as file:
        for number in range(count):
            words = text(WORDS)
            if number % 100 == 0:
                passage = test[draw.randrange(tests)]
                words[10:10] = passage[: draw.randrange(8, len(passage))]
            file.write(json.dumps({"text": " ".join(words)}) + "\n")


def words_of(line):
    return re.findall(r"\w+", json.loads(line)["text"].lower())


def in_python(folder, part):
    """The greatest coverage of each of the first training texts."""
    index = {}
    lengths = []
    with open(os.path.join(folder, "test.jsonl")) as file:
        for number, line in enumerate(file):
            words = words_of(line)
            lengths.append(len(words))
            for place in range(len(words) - N + 1):
                index.setdefault(tuple(words[place : place + N]), []).append((number, place))
    found = []
    with open(os.path.join(folder, "train.jsonl")) as file:
        for number, line in enumerate(file):
            if number == part:
                break
            words = words_of(line)
            covered = {}
            for place in range(len(words) - N + 1):
                for test, at in index.get(tuple(words[place : place + N]), ()):
                    covered.setdefault(test, set()).update(range(at, at + N))
            found.append(max((len(of) / lengths[test] for test, of in covered.items()), default=0.0))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--curricle", required=True)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--tests", type=int, default=10_000)
    parser.add_argument("--part", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        corpus(folder, options.texts, options.tests)
        size = os.path.getsize(os.path.join(folder, "train.jsonl")) / 1e6
        print(f"{options.texts} training texts ({size:.0f} MB), {options.tests} test texts, {N}-grams, {os.cpu_count()} cores")
        command = [options.curricle, "decontaminate", "--train", "train.jsonl", "--test", "test.jsonl"]
        began = time.perf_counter()
        told = subprocess.run(command + ["--out", "found.csv"], cwd=folder, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(told.stdout.strip())
        print(f"curricle: {seconds:.1f} s, {options.texts / seconds:.0f} texts a second, at most {peak:.0f} MiB")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        began = time.perf_counter()
        expected = in_python(folder, options.part)
        slow = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"Python:   {slow:.1f} s for {options.part} of them, {options.part / slow:.0f} texts a second, "
            f"at most {after:.0f} MiB ({before:.0f} before)"
        )
        with open(os.path.join(folder, "found.csv")) as file:
            rows = csv.DictReader(line for line in file if not line.startswith("#"))
            found = [float(row["coverage"]) for row, _ in zip(rows, range(options.part))]
        differ = sum(abs(a - b) > 1e-12 for a, b in zip(found, expected, strict=True))
        ratio = (options.texts / seconds) / (options.part / slow)
        print(f"{ratio:.1f} times as many texts a second; {differ} of {options.part} coverages differ")
        assert differ == 0


if __name__ == "__main__":
    main()
