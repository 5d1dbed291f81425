"""Tasks of an environment of prime-rl that a curriculum draws.

Nothing of prime-rl is imported: these are its `TaskSampler` and its `AdmissionGate` as they were in August 2026, which
its configuration cannot name yet. Put them in place before it starts:

```python
from prime_rl.orchestrator import orchestrator
from curricle.prime_rl import steer

class Source(orchestrator.TrainSource):
    def __init__(self, envs):
        super().__init__(envs)
        steer(self.curricula["math"], {"preset": "post_training", "arms": lambda task: task.data.topic})

orchestrator.TrainSource = Source
orchestrator.main()
```

A draw is one task, and what comes back is learned from as it comes, in the pace of arrival. What is reported of a task is
its group of rewards, of traces that are trained and had no error; a group without any is given up, so that a task that
always fails is not tried for ever. A group that comes back while its task is drawn several times is that of the oldest.

**What never comes back.** prime-rl tells nobody of a group that it drops as stale, and starts none again when it resumes.
The latter are given up at once; the former when they are older than so many draws, by default 4096, which
`pace={"arrival": {"give_up": {"rounds": ...}}}` changes: several times what may be in flight. Set no `in_flight`: how
much that is, is for prime-rl to say.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._core import Curriculum
from ._errors import ConfigError, UnscoredError

__all__ = ["CurriculumGate", "CurriculumTaskSampler", "steer"]


class CurriculumTaskSampler(Iterator[Any]):
    """A `TaskSampler`, which chooses one of `tasks` after the other.

    `config` has the keywords of a `Curriculum`; `arms` may be a function of a task.
    """

    def __init__(self, config: Mapping[str, Any], tasks: Sequence[Any] | Iterator[Any]) -> None:
        if not isinstance(tasks, Sequence) or not tasks:
            raise ConfigError("tasks: a sequence of some, a stream of tasks cannot be drawn from")
        options: dict[str, Any] = {"pace": {"arrival": {"give_up": {"rounds": 4096}}}, **config}
        if callable(arms := options.get("arms")):
            options["arms"] = [arms(task) for task in tasks]
        self.tasks = tuple(tasks)
        self.curriculum = Curriculum(len(tasks), keys=[task.key for task in tasks], **options)
        if self.curriculum.config["pace"] == "lockstep":
            raise ConfigError("pace: results come in any order, which only arrival takes")
        #: Whether the gate of the curriculum lets the last group be trained on.
        self.is_admitted = True

    def __next__(self) -> Any:
        return self.tasks[self.curriculum.draw(1).samples[0]]

    def outcome(self, traces: list[Any]) -> dict[str, Any]:
        """What is reported of a group, one row each; to be overridden where rewards are not in [0, 1]."""
        return {"rewards": [[trace.reward for trace in traces]]}

    def observe(self, group: list[Any]) -> None:
        sample, self.is_admitted = self.curriculum.find(group[0].task.key), True
        drawn = (batch.tickets for batch in self.curriculum.unfinished() if batch.samples[0] == sample)
        ticket = next(drawn, None)
        if ticket is None:  # Given up before.
            return
        traces = [trace for episode in group for trace in episode.traces]
        traces = [trace for trace in traces if trace.agent.trainable and not trace.has_error]
        try:
            results = self.curriculum.observe(ticket, strict=True, **self.outcome(traces))
            self.is_admitted = bool(results.admitted[0])
        except UnscoredError:
            self.curriculum.lose(ticket)
            self.is_admitted = False

    def state_dict(self) -> dict[str, Any]:
        return self.curriculum.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a state. What was in flight then is given up."""
        self.curriculum.load_state_dict(state_dict)
        for batch in self.curriculum.unfinished():
            self.curriculum.lose(batch.tickets)

    def metrics(self) -> dict[str, float]:
        return self.curriculum.metrics()


class CurriculumGate:
    """An `AdmissionGate` that says what the gate of a curriculum said of the group that was just observed."""

    def __init__(self, sampler: CurriculumTaskSampler) -> None:
        self.sampler = sampler

    def admit(self, group: list[Any]) -> bool:
        return self.sampler.is_admitted

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...

    def metrics(self) -> dict[str, float]:
        return {}


def steer(environment: Any, config: Mapping[str, Any]) -> CurriculumTaskSampler:
    """Puts a sampler and its gate, by the name of `curricle`, into the `Curriculum` that prime-rl made of an environment."""
    sampler = CurriculumTaskSampler(config, environment.sampler.tasks)
    environment.sampler, environment.gates["curricle"] = sampler, CurriculumGate(sampler)
    return sampler
