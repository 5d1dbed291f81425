"""A process that is forked, as the workers of a loader are, has the objects of its parent and none of its threads."""

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from curricle import Curriculum, Journal, JournalError
from curricle.scores import angle_concentration, score_logits

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")

#: Enough rows for all threads.
ROWS = np.random.default_rng(0).normal(size=(2000, 500)).astype("float32")
SPANS = np.stack([np.arange(0, 2000, 10), np.arange(10, 2001, 10)], axis=1)


def forked(work: Callable[[], None], seconds: float = 60) -> int | None:
    """The exit status of a process that does something; None if it had to be killed."""
    with warnings.catch_warnings():
        # Python warns of forks of processes that have threads: this is about them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    for _ in range(int(seconds * 20)):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


def test_scores() -> None:
    logits = score_logits(ROWS, ["entropy", "margin"])
    states = angle_concentration(ROWS, SPANS)

    def again() -> None:
        for name, values in score_logits(ROWS, list(logits)).items():
            assert np.array_equal(values, logits[name])
        for name, values in angle_concentration(ROWS, SPANS).items():
            assert np.array_equal(values, states[name], equal_nan=True)

    assert forked(again) == 0
    # Of a forked one, too.
    assert forked(lambda: os._exit(forked(again) or 0)) == 0


def test_scores_where_only_a_fork_has_used_them() -> None:
    code = """
import os
from test_forks import ROWS, forked, score_logits
work = lambda: score_logits(ROWS, ["entropy"])
assert forked(work) == 0 and len(work()["entropy"]) == 2000 and forked(work) == 0
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parent)
    assert done.returncode == 0


def test_a_curriculum() -> None:
    """It is a copy, which draws what the other would."""
    curriculum = Curriculum(100_000, arms=100, preset="prompts", seed=3)
    batch = curriculum.draw(100)
    curriculum.observe(batch.tickets, rewards=np.tile([0.0, 1.0], (100, 4)))
    read, write = os.pipe()

    def work() -> None:
        with os.fdopen(write, "w") as told:
            print(curriculum.draw(50).samples.tolist(), file=told)

    assert forked(work) == 0
    os.close(write)
    with os.fdopen(read) as told:
        assert told.read().strip() == str(curriculum.draw(50).samples.tolist())


def test_a_journal_is_that_of_its_process(tmp_path: Path) -> None:
    path = tmp_path / "run.curriculum"
    log = path.with_name("run.curriculum.log")
    journal = Journal(path, Curriculum(100, lag=1, seed=1))
    batch = journal.draw(4)

    def refused() -> None:
        verbs: list[Callable[[], object]] = [
            lambda: journal.observe(batch.tickets, success=1.0),
            lambda: journal.lose(batch.tickets),
            lambda: journal.draw(4),
            lambda: journal.fold(),
            lambda: journal.insert(),
            lambda: journal.compact(),
            lambda: journal.sync(),
        ]
        for verb in verbs:
            with pytest.raises(JournalError, match="forked"):
                verb()
        for file in (path, log):
            with pytest.raises(JournalError, match="log here"):
                journal.save(file)
        assert journal.counts()["drawn"] == 4
        journal.close()

    before = log.read_bytes(), path.read_bytes()
    assert forked(refused) == 0
    assert (log.read_bytes(), path.read_bytes()) == before
    journal.observe(batch.tickets, success=0.5)
    journal.draw(4)
    with pytest.raises(JournalError, match="in use"):
        Journal(path, Curriculum(100, lag=1, seed=1))
    journal.close()
    with Journal(path, Curriculum(100, lag=1, seed=1)) as again:
        assert again.counts() == {**again.counts(), "drawn": 8, "admitted": 4, "open": 4}
