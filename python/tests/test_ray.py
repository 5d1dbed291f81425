"""A curriculum in an actor that is killed: nothing is lost, handed out twice or learned twice."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import outcome

from curricle import Code, Curriculum, Journal, Table, TableError

pytest.importorskip("ray.exceptions", reason="ray is not installed")

import ray
from ray.exceptions import RayActorError

from curricle.ray import CurriculumActor, actor, draw, score

#: How often the actor is killed under load; 50 are recorded in benches/record.
KILLS = int(os.environ.get("CURRICLE_TEST_KILLS", "5"))
IN_FLIGHT = 64


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    # Workers look in the present folder first, where the package may lie that is not built.
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("cluster"))
    # What is handed to the workers stands in this file, which they have to find.
    found = {"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}}
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, runtime_env=found)
    yield
    ray.shutdown()
    os.chdir(before)


def built() -> Curriculum:
    return Curriculum(
        2000,
        arms=8,
        policy="boltzmann",
        signal="group_spread",
        gate="zero_signal",
        pace={"arrival": {"in_flight": IN_FLIGHT}},
        seed=5,
    )


def seen(found: Curriculum | CurriculumActor) -> tuple[int, str, dict[str, int]]:
    """The digest, the state and the counts."""
    digest = found.digest() if isinstance(found, CurriculumActor) else found.digest
    return digest, hashlib.sha256(found.state_dict()["state"]).hexdigest(), found.counts()


class Account(NamedTuple):
    """What a worker knows of its tickets, and of its calls."""

    drawn: set[int]
    reported: set[int]
    lost: set[int]
    hand: dict[int, list[int]]
    events: int
    admitted: int
    repeated: int
    broken: int
    seconds: list[float]


def work(curriculum: Any, name: str, retries: int, stop: Path) -> Account:
    """Works on up to three batches at a time, of which it reports some and loses some, until it has to stop."""
    random = np.random.default_rng(int(name))
    drawn, reported, lost = set[int](), set[int](), set[int]()
    hand: dict[int, list[int]] = {}
    samples: dict[int, int] = {}
    events = admitted = repeated = broken = 0
    seconds: list[float] = []

    def ask(verb: str, *given: Any, **fields: Any) -> Any:
        nonlocal broken
        while True:
            start = time.perf_counter()
            try:
                method = getattr(curriculum, verb).options(max_task_retries=retries)
                answer = ray.get(method.remote(*given, **fields))
            except RayActorError:
                broken += 1
                time.sleep(0.05)
            else:
                seconds.append(time.perf_counter() - start)
                return answer

    while not stop.exists():
        if len(hand) < 3:
            batch = ask("draw", int(random.integers(4, 17)), name, list(hand))
            if batch is not None:
                tickets = batch.tickets.tolist()
                assert drawn.isdisjoint(tickets)
                drawn.update(tickets)
                samples.update(zip(tickets, batch.samples.tolist(), strict=True))
                hand[batch.round] = tickets
                events += 1
        time.sleep(random.uniform(0, 0.01))
        if not hand:
            continue
        round = int(random.choice(list(hand)))
        tickets = random.permutation(hand[round]).tolist()
        events += 1
        some = tickets[: random.integers(1, len(tickets) + 1)]
        if random.random() < 0.1:
            ask("lose", some)
            lost.update(some)
        else:
            codes = ask("observe", some, **outcome(np.array([samples[it] for it in some]))).codes
            assert all(Code(it).is_taken or it == Code.REPEATED for it in codes)
            admitted += int((codes == Code.ADMIT).sum())
            repeated += int((codes == Code.REPEATED).sum())
            reported.update(some)
        hand[round] = [it for it in hand[round] if it not in some]
        if not hand[round]:
            del hand[round]
    return Account(drawn, reported, lost, hand, events, admitted, repeated, broken, seconds)


REPLAYED = """
import sys
sys.path.insert(0, sys.argv[2])
from test_ray import built, seen
from curricle import Journal
print(seen(Journal(sys.argv[1], built())))
"""


def pid_of(curriculum: Any) -> int:
    return int(ray.get(curriculum.__ray_call__.remote(lambda _: os.getpid())))


def test_killed_under_load(cluster: None, tmp_path: Path) -> None:
    path, stop = tmp_path / "run.curriculum", tmp_path / "stop"
    curriculum = actor("killed", path, built)
    begin, random = time.perf_counter(), np.random.default_rng(0)
    names = ["0", "1", "2"]
    # The last one asks again by itself, for the others Ray does.
    workers = [
        ray.remote(work).remote(curriculum, name, retries, stop)
        for name, retries in zip(names, [-1, -1, 0], strict=True)
    ]
    killed: list[int] = []
    for _ in range(KILLS):
        killed.append(pid_of(curriculum))
        time.sleep(random.uniform(0.2, 1.0))
        os.kill(killed[-1], signal.SIGKILL)
    ray.get(curriculum.counts.remote())
    stop.touch()
    accounts = dict(zip(names, ray.get(workers), strict=True))
    taken = time.perf_counter() - begin
    assert len(set(killed)) == KILLS

    counts = ray.get(curriculum.counts.remote())
    parts = [counts[it] for it in ("admitted", "rejected", "banked", "lost", "open")]
    assert counts["drawn"] == sum(parts)
    # Each ticket was given to one worker, and each that was drawn to some.
    handed = [it for account in accounts.values() for it in account.drawn]
    assert sorted(handed) == list(range(counts["drawn"]))
    # What was answered is in the counts, and nothing else is.
    total = {
        name: sum(len(getattr(it, name)) for it in accounts.values()) for name in ("reported", "lost")
    }
    assert counts["admitted"] + counts["rejected"] == total["reported"]
    assert counts["lost"] == total["lost"]
    events, admitted, repeated, broken = (
        sum(getattr(it, name) for it in accounts.values())
        for name in ("events", "admitted", "repeated", "broken")
    )
    assert admitted <= counts["admitted"] <= admitted + repeated
    # A call that was asked again has happened once.
    assert ray.get(curriculum.position.remote()) == events
    # What is open is in the hands of the worker that it belongs to.
    for name, account in accounts.items():
        left = ray.get(curriculum.unfinished.remote(name))
        assert {it.round: sorted(it.tickets) for it in left} == {
            round: sorted(tickets) for round, tickets in account.hand.items()
        }

    live = ray.get(curriculum.__ray_call__.remote(seen))
    copied = shutil.copytree(tmp_path, tmp_path.with_name("copy")) / path.name
    root = str(Path(__file__).parent)
    again = subprocess.run(
        [sys.executable, "-c", REPLAYED, str(copied), root], check=True, capture_output=True, text=True
    )
    assert again.stdout.strip() == str(live)
    seconds = np.concatenate([it.seconds for it in accounts.values()]) * 1e3
    print(
        f"\n{KILLS} kills in {taken:.1f} s: {len(seconds)} calls of 3 workers, {events} events; "
        f"{counts['drawn']} tickets, {total['reported']} reported, {total['lost']} lost, {counts['open']} open"
        f"\n{broken} calls asked again by a worker, {repeated} tickets reported again; state {live[1][:16]}"
        f"\nms a call: median {np.median(seconds):.1f}, mean {seconds.mean():.1f}, "
        f"90 % {np.quantile(seconds, 0.9):.1f}, most {seconds.max():.0f}"
    )
    ray.kill(curriculum)


class Deadly:
    """Something of the actor's that ends its process at a call, before or after it."""

    def __init__(self, inner: Any, verb: str, is_done: bool) -> None:
        self.inner, self.verb, self.is_done = inner, verb, is_done

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        return found if name != self.verb else self.die

    def die(self, *given: Any, **fields: Any) -> None:
        if self.is_done:
            getattr(self.inner, self.verb)(*given, **fields)
        os._exit(9)


def arm(curriculum: Any, part: str, verb: str, is_done: bool) -> None:
    def change(actor: Any) -> None:
        setattr(actor, part, Deadly(getattr(actor, part), verb, is_done))

    ray.get(curriculum.__ray_call__.remote(change))


@pytest.mark.parametrize(
    "moment",
    [("_journal", "draw", False), ("_journal", "draw", True), ("_notes", "flush", True)],
    ids=["before", "drawn", "noted"],
)
def test_killed_in_a_draw(cluster: None, tmp_path: Path, moment: tuple[str, str, bool]) -> None:
    curriculum = actor("draws", tmp_path / "run.curriculum", built)
    arm(curriculum, *moment)
    first = ray.get(curriculum.draw.remote(8, "a"))
    os.kill(pid_of(curriculum), signal.SIGKILL)
    second = ray.get(curriculum.draw.remote(8, "b"))
    assert ray.get(curriculum.counts.remote())["drawn"] == 16
    assert set(first.tickets).isdisjoint(second.tickets)
    # Asked again, whatever the number: what the worker does not hold.
    assert ray.get(curriculum.draw.remote(4, "a")) == first
    third = ray.get(curriculum.draw.remote(4, "a", [first.round]))
    assert third.round == 2 and ray.get(curriculum.draw.remote(4, "a", [first.round])) == third
    assert ray.get(curriculum.unfinished.remote("a")) == [first, third]
    assert len(ray.get(curriculum.unfinished.remote())) == 3
    ray.kill(curriculum)


def test_killed_in_a_report(cluster: None, tmp_path: Path) -> None:
    curriculum = actor("reports", tmp_path / "run.curriculum", built)
    batch = ray.get(curriculum.draw.remote(8, "a"))
    arm(curriculum, "_journal", "observe", True)
    given = batch.tickets[:6], outcome(batch.samples[:6])
    verdicts = ray.get(curriculum.observe.remote(given[0], **given[1]))
    assert [Code(it) for it in verdicts.codes] == [Code.REPEATED] * 6
    assert verdicts.weights.tolist() == [0.0] * 6 and verdicts.treatments == [None] * 6
    arm(curriculum, "_journal", "lose", True)
    assert ray.get(curriculum.lose.remote(batch.tickets)).tolist() == [False] * 8
    counts = ray.get(curriculum.counts.remote())
    assert (counts["admitted"] + counts["rejected"], counts["lost"], counts["open"]) == (6, 2, 0)
    assert ray.get(curriculum.position.remote()) == 3
    ray.kill(curriculum)


def test_a_draw_waits(cluster: None, tmp_path: Path) -> None:
    curriculum = actor("waits", tmp_path / "run.curriculum", built)
    batch = draw(curriculum, IN_FLIGHT, "a")
    assert ray.get(curriculum.draw.remote(1, "b")) is None
    assert ray.get(curriculum.position.remote()) == 1
    waiting = ray.remote(draw).remote(curriculum, 5, "b", pause=0.02)
    assert not ray.wait([waiting], timeout=1.0)[0]
    verdicts = ray.get(curriculum.observe.remote(batch.tickets[:5], **outcome(batch.samples[:5])))
    assert len(verdicts.codes) == 5
    assert len(ray.get(waiting, timeout=30)) == 5
    # The name leads to the same actor.
    assert ray.get(actor("waits", "elsewhere", built).counts.remote())["drawn"] == IN_FLIGHT + 5
    ray.kill(curriculum)


def test_what_is_written_beside_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.curriculum"
    with Journal(path, built()) as journal:
        before = [journal.draw(2), journal.draw(3)]

    def opened() -> CurriculumActor:
        return CurriculumActor(str(path), built)

    served = opened()
    # What a trainer without workers had left is done first, by whoever asks.
    assert [served.draw(9, "ä\n"), served.draw(9, "b")] == before
    after = served.draw(4, "b", [1])
    assert after is not None and after.round == 2
    served.lose(before[0].tickets)
    served._journal.close()
    notes = Path(f"{path}.workers")
    whole = notes.read_bytes()
    notes.write_bytes(whole[: whole.rindex(b'"b"') + 2])  # Cut off in the last line.
    served = opened()
    assert served.unfinished("b") == [before[1]] and served.unfinished("ä\n") == []
    assert served.draw(9, "c") == after
    assert served.draw(9, "c", [2]) is not None
    served._journal.close()
    assert [it.round for it in opened().unfinished("c")] == [2, 3]


def test_what_else_the_actor_does(tmp_path: Path) -> None:
    path = str(tmp_path / "run.curriculum")

    def opened() -> CurriculumActor:
        pace = {"arrival": {"in_flight": 8, "give_up": {"versions": 1}}}
        return CurriculumActor(path, lambda: Curriculum(100, pace=pace), "on_demand")

    served = opened()
    old = served.draw(8, "a")
    assert old is not None and served.draw(1, "b") is None
    served.set_version(2)
    new = served.draw(3, "b")  # Gives up what is too old.
    assert new is not None and served.unfinished() == [new] and served.unfinished("a") == []
    assert served.observe(old.tickets, success=1.0).codes.tolist() == [Code.LATE] * 8
    assert served.lose([*old.tickets, *new.tickets[:1], 99]).tolist() == [False] * 8 + [True, False]
    assert served.position() == 4 and served.counts()["lost"] == 9
    assert served.metrics()["curriculum/tickets/open"] == 2
    digest, state = served.digest(), served.state_dict()
    served.compact()
    served._journal.close()
    served = opened()
    assert served._journal.opening["events"] == 0
    assert (served.digest(), served.state_dict(), served.position()) == (digest, state, 4)
    assert [it.tickets.tolist() for it in served.unfinished("b")] == [new.tickets[1:].tolist()]


def test_in_lockstep_a_draw_waits_too(tmp_path: Path) -> None:
    served = CurriculumActor(str(tmp_path / "run.curriculum"), lambda: Curriculum(100))
    batch = served.draw(4, "a")
    assert batch is not None and served.draw(4, "b") is None and served.draw(4, "a", [0]) is None
    served.observe(batch.tickets, rewards=[[0.0, 1.0]] * 4)
    assert served.draw(4, "b") is not None


class Scorer:
    """Scores rows by their number alone, as a model does."""

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        sample = rows["id"]
        total = np.where(sample % 10 == 3, np.nan, np.sin(sample))
        return {"id": sample, "total": total, "tokens": sample % 50, "long": sample % 50 > 40}


def test_scores_do_not_depend_on_the_workers(cluster: None, tmp_path: Path) -> None:
    ray.data.DataContext.get_current().enable_progress_bars = False
    numbers = np.random.default_rng(1).permutation(2000)
    dataset = ray.data.from_items([{"id": int(it)} for it in numbers], override_num_blocks=7)
    made_by = {"signal": "angle", "model": "tiny", "revision": "r1"}
    tables, files = [], []
    for workers, size in [(1, 64), (2, 200)]:
        path, pool = tmp_path / f"{workers}.parquet", ray.data.ActorPoolStrategy(size=workers)
        tables.append(score(dataset, Scorer, path, **made_by, compute=pool, batch_size=size))
        files.append(path.read_bytes())
    expected = Scorer()({"id": np.arange(2000)})
    assert tables[0] == tables[1] == Table(expected.pop("id"), expected, **made_by)
    assert files[0] == files[1] and Table.read_parquet(path) == tables[0]

    twice = tmp_path / "twice.parquet"
    with pytest.raises(TableError, match="stands in row"):
        score(dataset.union(dataset), Scorer(), twice)
    assert not twice.exists()
    nothing = score(dataset.filter(lambda row: row["id"] < 0), Scorer(), tmp_path / "none.parquet")
    assert len(nothing) == 0
