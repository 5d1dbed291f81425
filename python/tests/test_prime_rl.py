"""Tasks of prime-rl, of which there is a stand-in here: its signatures as they were in August 2026 and no more.

It is in no registry. `Environment` stands for its `Curriculum`, which calls the sampler and the gates, `Trace` and the rest
for what comes back; nothing is rolled out.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from curricle import ConfigError, DuplicateError, OutOfRangeError
from curricle.prime_rl import CurriculumGate, CurriculumTaskSampler, steer

TASKS, GROUP = 40, 4


@dataclass
class Task:
    key: str
    topic: str = "all"


@dataclass
class Agent:
    trainable: bool = True


@dataclass
class Trace:
    reward: float
    has_error: bool = False
    agent: Agent = field(default_factory=Agent)


@dataclass
class Episode:
    task: Task
    traces: list[Trace]


class Standard:
    """The sampler that is there before."""

    def __init__(self, tasks: tuple[Task, ...] | None) -> None:
        self.tasks = tasks


class Environment:
    def __init__(self, tasks: tuple[Task, ...] | None) -> None:
        self.sampler: Any = Standard(tasks)
        self.gates: dict[str, Any] = {}

    def on_result(self, group: list[Episode]) -> bool:
        self.sampler.observe(group)
        verdicts = [gate.admit(group) for gate in self.gates.values()]
        assert all(type(verdict) is bool for verdict in verdicts)
        return all(verdicts)

    def state_dict(self) -> dict[str, Any]:
        gates = {name: gate.state_dict() for name, gate in self.gates.items()}
        return {"sampler": self.sampler.state_dict(), "gates": gates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sampler.load_state_dict(state["sampler"])
        for name, gate in self.gates.items():
            gate.load_state_dict(state["gates"][name])


def environment(**config: Any) -> Environment:
    made = Environment(tuple(Task(f"task {k}", f"topic {k % 4}") for k in range(TASKS)))
    topics = {"arms": lambda task: task.topic, "preset": "post_training", "seed": 3}
    assert steer(made, {**topics, **config}) is made.sampler
    return made


def group(task: Task, *rewards: float | None) -> list[Episode]:
    """A finished group; None for an error, which has a reward of 0 then."""
    return [Episode(task, [Trace(reward or 0.0, reward is None)]) for reward in rewards]


Result = Callable[[Task], list[Episode]]


def run(made: Environment, draws: int, result: Result, at_once: int = 16) -> list[tuple[str, bool]]:
    """The tasks in the order in which they came back, and whether they were admitted; that order is by chance."""
    rng, back = random.Random(5), []
    flying: list[Task] = []
    for _ in range(draws):
        if len(flying) == at_once:
            task = flying.pop(rng.randrange(at_once))
            back.append((task.key, made.on_result(result(task))))
        flying.append(next(made.sampler))
    rng.shuffle(flying)
    return back + [(task.key, made.on_result(result(task))) for task in flying]


def mixed(task: Task) -> list[Episode]:
    return group(task, 1.0, 0.0, 0.0, float(int(task.key[5:]) % 3 == 0))


def test_results_in_any_order() -> None:
    made = environment()
    sampler, reported = made.sampler, []
    inner = sampler.curriculum

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

        def observe(self, ticket: Any, **fields: Any) -> Any:
            arm = next(batch.arms for batch in inner.unfinished() if batch.tickets == ticket)
            reported.append((int(arm[0]), fields["rewards"]))
            return inner.observe(ticket, **fields)

    sampler.curriculum = Watched()
    back = run(made, 200, mixed)
    assert inner.counts() == {**inner.counts(), "drawn": 200, "admitted": 200, "open": 0}
    # What is reported is of that task, and learned from at once.
    for (key, admitted), (arm, rewards) in zip(back, reported, strict=True):
        number = int(key[5:])
        assert admitted and arm == number % 4
        assert rewards == [[1.0, 0.0, 0.0, float(number % 3 == 0)]]
    assert len({key for key, _ in back}) > TASKS / 2
    metrics = sampler.metrics()
    assert metrics["curriculum/round"] == 200 and all(type(it) is float for it in metrics.values())


def test_a_task_twice_in_flight() -> None:
    made = Environment((Task("one"), Task("other")))
    sampler = steer(made, {"seed": 1})
    drawn = [next(sampler).key for _ in range(12)]
    assert len(set(drawn)) == 2
    # Of the draws of a task the oldest is done first.
    for key in ("other", "one") * 6:
        open_ = [drawn[ticket] for batch in sampler.curriculum.unfinished() for ticket in batch.tickets]
        assert made.on_result(group(Task(key), 1.0, 0.0))
        if key in open_:
            open_.remove(key)
        after = [drawn[ticket] for batch in sampler.curriculum.unfinished() for ticket in batch.tickets]
        assert after == open_


def test_a_task_that_always_fails() -> None:
    def result(task: Task) -> list[Episode]:
        return group(task, *[None] * GROUP) if task.topic == "topic 3" else mixed(task)

    made = environment()
    back = run(made, 600, result)
    counts = made.sampler.curriculum.counts()
    broken = [admitted for key, admitted in back if int(key[5:]) % 4 == 3]
    assert 0 < len(broken) == counts["lost"] and not any(broken)
    assert counts["open"] == 0 and counts["admitted"] == 600 - len(broken)
    assert len(broken) < 600 / 4 and made.sampler.curriculum.shares()[3] <= 0.25


def test_the_gate() -> None:
    made = environment(gate="zero_signal")
    assert isinstance(made.gates["curricle"], CurriculumGate)
    task = next(made.sampler)
    assert not made.on_result(group(task, 1.0, 1.0, 1.0))
    assert made.on_result(group(next(made.sampler), 1.0, 0.0, 1.0))
    # Neither errors nor the agents that are not trained count.
    solved = group(next(made.sampler), 1.0, 1.0, None)
    solved[0].traces.append(Trace(0.0, agent=Agent(trainable=False)))
    assert not made.on_result(solved)
    assert made.on_result(group(next(made.sampler), 1.0, 0.0, float("nan")))
    assert not made.on_result(group(next(made.sampler), float("nan")))
    assert made.sampler.curriculum.counts() == {
        **{"drawn": 5, "admitted": 2, "rejected": 2, "lost": 1},
        **{"banked": 0, "open": 0},
    }


def test_a_run_resumes() -> None:
    made = environment()
    run(made, 100, mixed)
    flying = [next(made.sampler) for _ in range(5)]
    resumed = environment()
    resumed.load_state_dict(made.state_dict())
    counts = resumed.sampler.curriculum.counts()
    assert counts["lost"] == 5 and counts["open"] == 0 and counts["admitted"] == 100
    # The same as where none of them comes back.
    for task in flying:
        made.on_result(group(task, None))
    assert resumed.sampler.curriculum.digest == made.sampler.curriculum.digest
    assert run(resumed, 50, mixed) == run(made, 50, mixed)


def test_what_never_comes_back() -> None:
    made = environment(pace={"arrival": {"give_up": {"rounds": 20}}}, gate="zero_signal")
    stale = next(made.sampler)
    for _ in range(30):
        task = next(made.sampler)
        while task.key == stale.key:
            task = next(made.sampler)
        made.on_result(mixed(task))
    assert not made.on_result(group(next(made.sampler), 1.0, 1.0))
    # When it comes after all it is trained on, with or without a signal, and teaches nothing.
    before = made.sampler.curriculum.counts()
    assert before["lost"] >= 1 and before["open"] == 0
    assert made.on_result(group(stale, 1.0, 1.0))
    assert made.sampler.curriculum.counts() == before


def test_other_outcomes() -> None:
    class Signed(CurriculumTaskSampler):
        def outcome(self, traces: list[Any]) -> dict[str, Any]:
            won = [[float(trace.reward > 0) for trace in traces]]
            return {**super().outcome(traces), "successes": won}

    tasks = (Task("one"), Task("other"))
    signed, plain = Signed({}, tasks), CurriculumTaskSampler({}, tasks)
    signed.observe(group(next(signed), 1.0, -1.0))
    assert signed.curriculum.counts()["admitted"] == 1
    with pytest.raises(OutOfRangeError):
        plain.observe(group(next(plain), 1.0, -1.0))


def test_what_is_refused() -> None:
    def stream() -> Iterator[Task]:
        yield Task("one")

    tasks = (Task("one"), Task("other"))
    with pytest.raises(ConfigError, match="tasks"):
        steer(Environment(None), {})
    for some in (stream(), ()):
        with pytest.raises(ConfigError, match="tasks"):
            CurriculumTaskSampler({}, some)
    with pytest.raises(ConfigError, match="pace"):
        CurriculumTaskSampler({"pace": "lockstep"}, tasks)
    with pytest.raises(DuplicateError):
        CurriculumTaskSampler({}, (tasks[0], tasks[0]))
