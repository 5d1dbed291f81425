"""The trainers of verl on a processor: their own data loader, TransferQueue, outputs, replay buffer and checkpoints.

What stands in: `Rollouts` for the servers that generate (the agent loop worker around them is that of verl), `Workers` for
the models, which have nothing to load or save. Nothing is trained.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_trainers import Recorded

from curricle import AwaitingError, ConfigError, OutOfRangeError

torch = pytest.importorskip("torch")
pytest.importorskip("verl")
datasets = pytest.importorskip("datasets")
ray = pytest.importorskip("ray")
tq = pytest.importorskip("transfer_queue")
hydra = pytest.importorskip("hydra")

from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput
from verl.trainer.ppo.v1 import AgentLoopWorkerTQ, get_trainer_cls

PROMPTS, SIZE, GROUP = 48, 8, 4
#: For trainers that fetch prompts one by one.
ARRIVAL = ", pace: {arrival: {}}, exclude_in_flight: true"
FILTERED = ["algorithm.filter_groups.enable=True", "algorithm.filter_groups.metric=reward"]

#: The reward of a rollout of a sample; None for one that fails.
Reward = Callable[[int, int], float | None]


def emptied() -> None:
    for partition, keys in (tq.kv_list() or {}).items():
        if keys:
            tq.kv_clear(keys=list(keys), partition_id=partition)


@pytest.fixture(scope="module")
def started() -> Iterator[None]:
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    tq.init(configured("sync", Path("none")).transfer_queue)
    yield
    tq.close()
    ray.shutdown()


@pytest.fixture(autouse=True)
def queue(started: None) -> Iterator[None]:
    yield
    emptied()


def configured(mode: str, folder: Path, options: str = "", *more: str) -> Any:
    """The configuration of verl, with what a user writes of it."""
    buffer = "CurriculumReplayBuffer" if mode == "sync" else "CurriculumReplayBufferAsync"
    written = [
        f"data.train_files={folder}/train.parquet",
        f"data.val_files={folder}/val.parquet",
        f"data.train_batch_size={SIZE}",
        "data.custom_cls.path=pkg://curricle.verl",
        "data.custom_cls.name=CurriculumDataset",
        "data.dataloader_num_workers=0",
        f"+data.curriculum={{preset: post_training, arms: data_source, seed: 7{options}}}",
        "trainer.v1.sampler.custom_sampler.path=pkg://curricle.verl",
        f"trainer.v1.sampler.custom_sampler.name={buffer}",
        f"trainer.v1.trainer_mode={mode}",
        f"trainer.default_local_dir={folder}/checkpoints",
        "algorithm.adv_estimator=grpo",
        "actor_rollout_ref.rollout.name=vllm",
        f"actor_rollout_ref.rollout.n={GROUP}",
        "transfer_queue.backend.SimpleStorage.num_data_storage_units=1",
    ]
    with hydra.initialize_config_module("verl.trainer.config", version_base=None):
        return hydra.compose("ppo_trainer", overrides=[*written, *more])


class Rollouts(AgentLoopWorkerTQ.__ray_metadata__.modified_class):
    """The worker of verl in this process, with rewards that are made up instead of a model. While it is held it only
    takes prompts in."""

    def __init__(self, config: Any, reward: Reward) -> None:
        self.config, self.reward, self.is_held = config, reward, False
        self.taken: list[list[int]] = []
        self.background_tasks: set[Any] = set()
        self.processor = self.reward_loop_worker_handles = None
        self.distillation_enabled = False

    def generate_sequences(self, prompts: Any) -> None:
        self.taken.append(list(prompts["index"]))
        if not self.is_held:
            asyncio.run(self.finished(prompts))

    async def finished(self, prompts: Any) -> None:
        await super().generate_sequences(prompts)
        await asyncio.gather(*self.background_tasks)

    async def _run_agent_loop(self, _: Any, trajectory: Any, *, session_id: int, **prompt: Any) -> None:
        reward = self.reward(prompt["index"], session_id)
        if reward is None:
            raise RuntimeError("a rollout that fails, as it should")
        for name in ("trace", "agent_name"):
            del prompt[name]
        # Of two outputs, as of an agent that starts a new context, the last has the reward.
        outputs = [self.output(None), self.output(reward)] if session_id == 0 else [self.output(reward)]
        await self._agent_loop_postprocess(
            outputs, trajectory["validate"], session_id=session_id, **prompt
        )

    def output(self, reward: float | None) -> Any:
        return AgentLoopOutput(
            prompt_ids=[1, 2],
            response_ids=[3, 4, 5],
            response_mask=[1, 1, 1],
            reward_score=reward,
            metrics=AgentLoopMetrics(),
            extra_fields={"reward_extra_info": {"acc": float((reward or 0) > 0)}},
        )


class Workers:
    """Nothing to load or save."""

    def load_checkpoint(self, *_: Any, **__: Any) -> None: ...

    def save_checkpoint(self, *_: Any, **__: Any) -> None: ...


def trainer(folder: Path, mode: str, reward: Reward, options: str = "", *more: str) -> Any:
    """A trainer that has loaded the last checkpoint in its folder, before its first step."""
    rows = [
        {
            "prompt": [{"role": "user", "content": f"{k % 10} + {k // 10} ="}],
            "data_source": f"source {k % 4}",
            "reward_model": {"ground_truth": str(k % 10 + k // 10)},
            "extra_info": {"index": k},
        }
        for k in range(PROMPTS)
    ]
    folder.mkdir(exist_ok=True)
    datasets.Dataset.from_list(rows).to_parquet(str(folder / "train.parquet"))
    datasets.Dataset.from_list(rows[:SIZE]).to_parquet(str(folder / "val.parquet"))
    config = configured(mode, folder, options, *more)
    made = get_trainer_cls(mode)(config)
    made.tokenizer = made.processor = None
    made._init_dataloader()
    made.actor_rollout_wg = Workers()
    made._load_checkpoint()
    made.global_steps += 1
    made.agent_loop_manager = Rollouts(config, reward)
    made.replay_buffer.poll_interval = 0.01
    if hasattr(made.train_dataset, "curriculum"):
        made.train_dataset.curriculum = Recorded(made.train_dataset.curriculum)
    return made


def step(made: Any, is_saved: bool = False) -> tuple[list[str], dict[str, Any]]:
    """What a trainer does in a step, but for training: the keys that it would train on, and what it logs."""
    made.prepare_step()
    batch, metrics = made.replay_buffer.sample(
        global_steps=made.global_steps, partition_id="train", batch_size=SIZE
    )
    if is_saved:
        made._save_checkpoint()
    tq.kv_clear(keys=batch.keys, partition_id="train")
    made.global_steps += 1
    return batch.keys, metrics


def half(sample: int, session: int) -> float:
    return float((sample * 7 + session * 3) % 5 < 2)


def group(sample: int, reward: Reward = half) -> list[float]:
    seen = [reward(sample, session) for session in range(GROUP)]
    return [reward for reward in seen if reward is not None]


def samples(recorded: Recorded) -> dict[int, int]:
    """The sample of each ticket."""
    drawn = [(batch.tickets.tolist(), batch.samples.tolist()) for batch in recorded.drawn]
    return {t: s for tickets, found in drawn for t, s in zip(tickets, found, strict=True)}


def reports(recorded: Recorded, field: str = "rewards") -> dict[int, list[float]]:
    """What was reported of each ticket, which is once."""
    seen = [pair for t, fields in recorded.reported for pair in zip(t, fields[field], strict=True)]
    assert len(dict(seen)) == len(seen)
    return dict(seen)


def test_steps(tmp_path: Path) -> None:
    made = trainer(tmp_path, "sync", half)
    recorded = made.train_dataset.curriculum
    for number in range(1, 9):  # more than a pass over the data
        keys, metrics = step(made)
        # A draw a step, which is what is rolled out, and reported before the next.
        assert len(recorded.drawn) == len(recorded.reported) == number
        assert made.agent_loop_manager.taken[-1] == recorded.drawn[-1].samples.tolist()
        assert len({key.split("_")[0] for key in keys}) == SIZE
        assert metrics["curriculum/round"] == number == recorded.version
    assert reports(recorded) == {t: group(sample) for t, sample in samples(recorded).items()}
    assert recorded.counts()["admitted"] == 8 * SIZE


def test_validation_is_not_drawn(tmp_path: Path) -> None:
    from verl.utils import tensordict_utils

    made = trainer(tmp_path, "sync", half)
    recorded = made.train_dataset.curriculum
    rows = next(iter(made.val_dataloader))
    assert sorted(rows["index"]) == list(range(SIZE)) and "curriculum_ticket" not in rows
    # As `_validate` does.
    uids = [f"uid{k}" for k in range(SIZE)]
    batch = tensordict_utils.get_tensordict({**rows, "uid": uids})
    tensordict_utils.assign_non_tensor_data(batch, "global_steps", 0)
    tensordict_utils.assign_non_tensor_data(batch, "validate", True)
    tags = [{"is_prompt": True, "status": "pending", "global_steps": 0}] * SIZE
    tq.kv_batch_put(keys=uids, partition_id="val", tags=tags)
    made.agent_loop_manager.generate_sequences(batch)
    found, metrics = made.replay_buffer.sample(global_steps=0, partition_id="val", batch_size=SIZE)
    assert len(found.keys) >= SIZE and not metrics
    assert not recorded.drawn and not recorded.reported


def test_what_is_filtered_is_reported(tmp_path: Path) -> None:
    def reward(sample: int, session: int) -> float:
        return 1.0 if sample % 4 == 0 else half(sample, session)

    made = trainer(tmp_path, "sync", reward, ARRIVAL, *FILTERED)
    recorded = made.train_dataset.curriculum
    filtered = 0
    for _ in range(6):
        _, metrics = step(made)
        filtered += metrics.get("training/filter_groups/evicted_samples", 0)
        assert recorded.counts()["open"] == 0
    assert {len(batch) for batch in recorded.drawn} == {1}
    drawn = samples(recorded)
    assert reports(recorded) == {t: group(sample, reward) for t, sample in drawn.items()}
    # Those without a signal, by either reward, did not get into a batch, and more than the batches have was drawn.
    assert filtered == sum(len(set(group(sample, reward))) == 1 for sample in drawn.values()) > 0
    assert len(drawn) >= 6 * SIZE + filtered


def test_what_is_too_old_is_reported(tmp_path: Path) -> None:
    limit = "trainer.v1.sampler.max_off_policy_threshold=1"
    made = trainer(tmp_path, "colocate_async", half, ARRIVAL, limit)
    recorded = made.train_dataset.curriculum
    made.on_train_begin()  # a batch ahead, which the first step leaves
    step(made)
    assert len(reports(recorded)) == SIZE
    _, metrics = step(made)
    assert metrics["training/off_policy/evicted_samples"] == SIZE
    # And as many were drawn in its place.
    drawn = samples(recorded)
    assert len(drawn) == 4 * SIZE and len(reports(recorded)) == 3 * SIZE
    assert reports(recorded) == {t: group(drawn[t]) for t in reports(recorded)}


@pytest.mark.parametrize("mode", ["sync", "colocate_async"])
def test_what_fails_is_given_up(tmp_path: Path, mode: str) -> None:
    def reward(sample: int, session: int) -> float | None:
        """One source is broken; of another a rollout fails."""
        if sample % 4 == 3 or (sample % 4 == 2 and session == 1):
            return None
        return half(sample, session) if sample != 5 else float("nan")

    made = trainer(tmp_path, mode, reward, ARRIVAL)
    recorded = made.train_dataset.curriculum
    for _ in range(12):
        step(made)
        assert recorded.counts()["open"] == 0
    drawn = samples(recorded)
    broken = [t for t, sample in drawn.items() if sample % 4 == 3]
    assert recorded.counts()["lost"] == sum(s % 4 == 3 or s == 5 for s in drawn.values())
    assert 0 < len(broken) < len(drawn) / 2 and recorded.shares()[3] <= 0.25
    seen = reports(recorded)
    assert set(seen) == set(drawn) - set(broken)
    assert {len(seen[t]) for t, sample in drawn.items() if sample % 4 == 2} == {GROUP - 1}


def test_success(tmp_path: Path) -> None:
    def reward(sample: int, session: int) -> float:
        return 2 * half(sample, session) - 1

    with pytest.raises(OutOfRangeError):
        step(trainer(tmp_path, "sync", reward))
    emptied()
    option = "+trainer.v1.sampler.sampler_kwargs.success=acc"
    made = trainer(tmp_path, "sync", reward, "", option)
    step(made)
    recorded = made.train_dataset.curriculum
    drawn = samples(recorded)
    assert reports(recorded) == {t: group(sample, reward) for t, sample in drawn.items()}
    assert reports(recorded, "successes") == {t: group(sample) for t, sample in drawn.items()}


def test_a_run_resumes(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole", "sync", half)
    for _ in range(9):
        step(whole)
    cut = trainer(tmp_path / "cut", "sync", half)
    for number in range(1, 7):
        step(cut, is_saved=number == 6)  # at the end of a pass over the data
    resumed = trainer(tmp_path / "cut", "sync", half)
    assert resumed.global_steps == 7
    for _ in range(3):
        step(resumed)
    ours, theirs = resumed.train_dataset.curriculum, whole.train_dataset.curriculum
    assert ours.digest == theirs.digest and ours.metrics() == theirs.metrics()
    assert [b.samples.tolist() for b in ours.drawn] == [b.samples.tolist() for b in theirs.drawn[6:]]


def test_prompts_in_flight_resume(tmp_path: Path) -> None:
    made = trainer(tmp_path, "colocate_async", half, ARRIVAL)
    recorded = made.train_dataset.curriculum
    made.on_train_begin()  # a batch ahead
    step(made)
    made.agent_loop_manager.is_held = True
    step(made, is_saved=True)
    # A batch that is being rolled out, with its tickets.
    open_ = {t for batch in recorded.unfinished() for t in batch.tickets.tolist()}
    drawn = samples(recorded)
    assert len(open_) == SIZE and open_ == set(drawn) - set(reports(recorded))

    emptied()
    again = trainer(tmp_path, "colocate_async", half, ARRIVAL)
    assert again._reissue_inflight_prompts() == SIZE
    again.on_train_begin()
    step(again)
    again.agent_loop_manager.is_held = True
    step(again)
    resumed = again.train_dataset.curriculum
    drawn |= samples(resumed)
    seen = reports(resumed)
    assert seen == {t: group(drawn[t]) for t in seen}
    assert len(seen) == 2 * SIZE and open_ < set(seen)
    assert resumed.counts()["admitted"] == 4 * SIZE and resumed.counts()["open"] == SIZE


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dataloader_num_workers"):
        trainer(tmp_path, "sync", half, "", "data.dataloader_num_workers=8")
    with pytest.raises(ConfigError, match="val_files"):
        trainer(tmp_path, "sync", half, "", f"data.val_files={tmp_path}/train.parquet")
    with pytest.raises(ConfigError, match="CurriculumDataset"):
        step(trainer(tmp_path, "sync", half, "", "data.custom_cls.path=null"))
    with pytest.raises(AwaitingError):  # one by one, and in lockstep
        step(trainer(tmp_path, "sync", half, "", *FILTERED))
