"""A journal goes on where it was, whatever ended the process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import outcome

import curricle
from curricle import Curriculum, Journal

OPTIONS: dict[str, Any] = {
    "policy": "boltzmann",
    "signal": "group_spread",
    "seed": 3,
    "gate": "zero_signal",
}


def built() -> Curriculum:
    return Curriculum(300, arms=3, **OPTIONS)


def play(curriculum: Curriculum, rounds: int) -> None:
    for _ in range(rounds):
        batch = curriculum.draw(16)
        curriculum.observe(batch.tickets, **outcome(batch.samples))


KILLED = """
import os, sys
sys.path.insert(0, sys.argv[2])
from test_journal import built, play
from curricle import Journal
journal = Journal(sys.argv[1], built(), durability="on_demand")
play(journal, 7)
journal.draw(16)
os._exit(9)
"""


def test_killed_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "run.curriculum"
    root = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), root], check=False, cwd=tmp_path)
    assert done.returncode == 9
    twin = built()
    play(twin, 7)
    batch = twin.draw(16)
    with Journal(path, built()) as journal:
        assert journal.opening == {"kind": "resumed", "events": 15, "torn": 0}
        assert journal.unfinished() == [batch] and journal.digest == twin.digest
        for curriculum in (journal, twin):
            curriculum.observe(batch.tickets, **outcome(batch.samples))
            play(curriculum, 3)
        assert journal.digest == twin.digest and journal.counts() == twin.counts()


def test_back_to_a_position(tmp_path: Path) -> None:
    path = tmp_path / "run.curriculum"
    with Journal(path, built(), durability=4) as journal:
        assert journal.opening == {"kind": "new"} and isinstance(journal, Curriculum)
        play(journal, 2)
        position, digest = journal.position, journal.digest
        play(journal, 2)
        end = journal.digest
        journal.sync()
        assert journal.log_bytes > 0 and position == 4
    with Journal(path, built(), at=position) as journal:
        assert journal.opening["kind"] == "taken_back" and journal.opening["cut"] > 0
        assert journal.digest == digest
        play(journal, 2)
        assert journal.digest == end
        before = journal.log_bytes
        journal.compact()
        assert journal.log_bytes < before and journal.position == 8
    assert Curriculum.of_snapshot(path).digest == end


def test_what_a_journal_refuses(tmp_path: Path) -> None:
    path = tmp_path / "run.curriculum"
    curriculum = built()
    journal = Journal(path, curriculum)
    # The curriculum is the journal's from now on.
    with pytest.raises(curricle.Error, match="closed"):
        curriculum.draw(1)
    with pytest.raises(curricle.JournalError, match="in use"):
        Journal(path, built())
    state = journal.state_dict()
    with pytest.raises(curricle.UnsupportedError, match="another state"):
        journal.load_state_dict(state)
    journal.draw(4)
    with pytest.raises(curricle.AwaitingError):
        journal.draw(4)
    journal.close()
    with pytest.raises(curricle.Error, match="closed"):
        journal.draw(4)
    with pytest.raises(curricle.SnapshotError):
        Journal(path, Curriculum(300, arms=3, **{**OPTIONS, "seed": 4}))
    with pytest.raises(curricle.JournalError):
        Journal(path, built(), at=99)
    with pytest.raises(curricle.ConfigError, match="durability"):
        Journal(path, built(), durability="sometimes")  # type: ignore[arg-type]
    with Journal(path, built()) as again:
        assert again.position == 1


def test_what_was_refused_is_not_written_down(tmp_path: Path) -> None:
    path = tmp_path / "run.curriculum"
    with Journal(path, built()) as journal:
        batch = journal.draw(4)
        results = journal.observe([*batch.tickets, 99], **outcome(batch.samples[[0, 1, 2, 3, 0]]))
        assert results.taken.tolist() == [True] * 4 + [False]
        position = journal.position
        assert not journal.observe([99], success=1.0).taken.any()
        assert journal.position == position == 2
        digest, counts = journal.digest, journal.counts()
    with Journal(path, built()) as journal:
        assert journal.digest == digest and journal.counts() == counts
