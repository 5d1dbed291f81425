"""Real runs of the trainers of Hugging Face, of a tiny model on a processor."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from tiny import language_model, tokenizer

from curricle import ConfigError, Curriculum, UnsupportedError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
datasets = pytest.importorskip("datasets")

PROMPTS = 48


def curriculum(**options: Any) -> Curriculum:
    return Curriculum(PROMPTS, arms=4, preset="post_training", seed=11, **{"lag": 1, **options})


class Recorded:
    """The verbs of a curriculum, and what went through them."""

    def __init__(self, made: Curriculum) -> None:
        self.made = made
        self.drawn: list[Any] = []
        self.reported: list[tuple[list[int], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made, name)

    def __len__(self) -> int:
        return len(self.made)

    def draw(self, n: int) -> Any:
        self.drawn.append(self.made.draw(n))
        return self.drawn[-1]

    def observe(self, tickets: Any, **fields: Any) -> Any:
        self.reported.append((list(tickets), fields))
        return self.made.observe(tickets, **fields)


def rows() -> Any:
    text = [f"{k % 10}+{k // 10}=" for k in range(PROMPTS)]
    return datasets.Dataset.from_dict({"prompt": text, "row": list(range(PROMPTS))})


def labelled() -> Any:
    tokens = [[k % 20 + 3, (7 * k) % 20 + 3, 5, 6] for k in range(PROMPTS)]
    return datasets.Dataset.from_dict(
        {"input_ids": tokens, "labels": tokens, "row": list(range(PROMPTS))}
    )


def arguments(folder: Path, **options: Any) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "use_cpu": True,
        "report_to": [],
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_steps": 1,
        "seed": 5,
        "learning_rate": 1e-2,
        "ignore_data_skip": True,
        **options,
    }


def trained(folder: Path, resume: str | None = None, **options: Any) -> tuple[Any, Recorded]:
    from curricle.transformers import CurriculumTrainer

    recorded = Recorded(curriculum(policy="boltzmann", signal={"reported": {"field": "loss"}}))
    args = transformers.TrainingArguments(
        **arguments(folder, per_device_train_batch_size=4, gradient_accumulation_steps=2, **options)
    )
    trainer = CurriculumTrainer(
        model=language_model(),
        args=args,
        train_dataset=labelled(),
        curriculum=cast(Curriculum, recorded),
    )
    trainer.train(resume_from_checkpoint=resume)
    return trainer, recorded


def test_a_trainer(tmp_path: Path) -> None:
    trainer, recorded = trained(tmp_path, max_steps=9)
    # A draw a step of the optimiser, and one ahead; each reported by the loss of its own samples.
    assert len(recorded.drawn) in (9, 10) and all(len(batch) == 8 for batch in recorded.drawn)
    tickets = [ticket for some, _ in recorded.reported for ticket in some]
    assert tickets == list(range(72))
    assert recorded.counts()["admitted"] == 72
    logged = [entry for entry in trainer.state.log_history if "curriculum/round" in entry]
    assert len(logged) >= 9

    # The losses are those of these samples, in this order: the first report is of a model that was not trained yet.
    model, first = language_model(), recorded.drawn[0].samples.tolist()
    data = torch.tensor(labelled()["input_ids"])[first]
    with torch.no_grad():
        logits = model(input_ids=data).logits[:, :-1]
    expected = torch.nn.functional.cross_entropy(
        logits.transpose(1, 2), data[:, 1:], reduction="none"
    ).mean(1)
    found = torch.cat([torch.as_tensor(fields["loss"]) for _, fields in recorded.reported[:2]])
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_trainer_resumes(tmp_path: Path) -> None:
    whole, recorded = trained(tmp_path / "whole", max_steps=9)
    trained(tmp_path / "cut", max_steps=9, save_strategy="steps", save_steps=4)
    again, resumed = trained(tmp_path / "again", resume=str(tmp_path / "cut/checkpoint-4"), max_steps=9)
    assert again.state.global_step == 9
    assert resumed.digest == recorded.digest
    # What had been loaded ahead is handed out again, not drawn again.
    assert [batch.samples.tolist() for batch in resumed.drawn] == [
        batch.samples.tolist() for batch in recorded.drawn[5:]
    ]
    for ours, theirs in zip(again.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def reward(completions: list[str], row: list[int], **_: Any) -> list[float | None]:
    """Something that an untrained model does sometimes; every third prompt cannot be scored."""
    seen = zip(completions, row, strict=True)
    return [None if k % 3 == 2 else float(any(c in text for c in "01234567")) for text, k in seen]


def grpo(folder: Path, curriculum: Any, **options: Any) -> Any:
    trl = pytest.importorskip("trl")
    from curricle.trl import CurriculumGRPOTrainer

    more = {name: options.pop(name) for name in ("success",) if name in options}
    args = trl.GRPOConfig(
        **arguments(
            folder,
            **{
                "per_device_train_batch_size": 8,
                "num_generations": 4,
                "max_completion_length": 4,
                "steps_per_generation": 2,
                "max_steps": 6,
                **options,
            },
        )
    )
    return CurriculumGRPOTrainer(
        language_model(),
        reward,
        args=args,
        train_dataset=rows(),
        processing_class=tokenizer(),
        curriculum=curriculum,
        **more,
    )


def test_grpo(tmp_path: Path) -> None:
    recorded = Recorded(curriculum())
    trainer = grpo(tmp_path, recorded)
    seen: list[list[int]] = []
    inner = trainer._calculate_rewards

    def watched(inputs: Any, *args: Any) -> Any:
        seen.append([row["row"] for row in inputs])
        return inner(inputs, *args)

    trainer._calculate_rewards = watched
    trainer.train()
    # Four prompts a generation, each four times in a row; two steps of the optimiser on each.
    assert len(seen) == 3
    for rows_, batch in zip(seen, recorded.drawn, strict=False):
        assert rows_ == batch.samples.repeat(4).tolist()
    counts = recorded.counts()
    unscored = sum(row % 3 == 2 for rows_ in seen for row in rows_[::4])
    assert unscored > 0 and counts["lost"] == unscored
    assert counts["admitted"] + counts["rejected"] == 12 - unscored
    # The rewards of each group are those that the trainer saw.
    rewards = torch.as_tensor(recorded.reported[-1][1]["rewards"])
    assert rewards.shape == (4, 4)
    logged = torch.tensor(list(trainer._logs["rewards"]["reward"])[-16:]).view(4, 4)
    assert torch.equal(rewards.isnan(), logged.isnan())
    assert torch.equal(rewards.nan_to_num(), logged.nan_to_num())


def test_grpo_resumes(tmp_path: Path) -> None:
    whole = Recorded(curriculum())
    grpo(tmp_path / "whole", whole, max_steps=8).train()
    grpo(
        tmp_path / "cut", Recorded(curriculum()), max_steps=8, save_strategy="steps", save_steps=4
    ).train()
    resumed = Recorded(curriculum())
    grpo(tmp_path / "again", resumed, max_steps=8).train(
        resume_from_checkpoint=str(tmp_path / "cut/checkpoint-4")
    )
    assert resumed.digest == whole.digest
    assert [b.samples.tolist() for b in resumed.drawn] == [b.samples.tolist() for b in whole.drawn[3:]]


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lag"):
        grpo(tmp_path, curriculum(lag=0))
    with pytest.raises(ConfigError, match="48"):
        grpo(tmp_path, Curriculum(47, lag=1))
    with pytest.raises(ConfigError, match="reward"):
        grpo(tmp_path, curriculum(), success="no such")


def test_two_processes(tmp_path: Path) -> None:
    """Both hold the same curriculum, train on parts of its draws, and report what both have seen."""
    script = Path(__file__).with_name("trainer_rank.py")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port"]
    command = [*launcher, str(free_port()), str(script), str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    lines = [line.split("found ", 1)[1] for line in ran.stdout.splitlines() if "found " in line]
    assert ran.returncode == 0 and len(lines) == 2, ran.stderr[-2000:]
    one, other = (json.loads(line) for line in lines)
    assert one["digest"] == other["digest"] and one["counts"] == other["counts"]
    # Six steps of eight samples, all reported; nothing but what was loaded ahead is open.
    assert one["counts"]["admitted"] == 48 and one["counts"]["open"] == one["pending"] <= 8
    again = Curriculum(
        48, arms=4, policy="boltzmann", signal={"reported": {"field": "loss"}}, seed=11, lag=1
    )
    first = again.draw(8).samples.tolist()
    parts = [one["seen"][:2], other["seen"][:2]]
    # Micro-batch by micro-batch, rank by rank: the draw in its order.
    orders = [[s for k in (0, 1) for part in order for s in part[k]] for order in (parts, parts[::-1])]
    assert first in orders


def test_a_resume_between_epochs(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "num_train_epochs": 2,
        "save_strategy": "epoch",
        "ignore_data_skip": False,
    }
    whole, recorded = trained(tmp_path / "whole", **options)
    again, resumed = trained(tmp_path / "again", str(tmp_path / "whole/checkpoint-6"), **options)
    assert whole.state.global_step == again.state.global_step == 12
    assert resumed.digest == recorded.digest


def test_losses_that_are_not_known(tmp_path: Path) -> None:
    from curricle.transformers import CurriculumTrainer

    config = transformers.BertConfig(
        vocab_size=23, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    args = transformers.TrainingArguments(**arguments(tmp_path, max_steps=1))
    for kind in (transformers.BertForTokenClassification, transformers.BertForMaskedLM):
        trainer = CurriculumTrainer(
            model=kind(config), args=args, train_dataset=labelled(), curriculum=curriculum()
        )
        with pytest.raises(UnsupportedError, match="outcome"):
            if kind is transformers.BertForTokenClassification:
                trainer.model.num_labels = 2
                trainer.train_dataset = trainer.train_dataset.map(lambda row: {"labels": [0, 1, 0, 1]})
            trainer.train()


def test_losses_that_are_no_numbers(tmp_path: Path) -> None:
    """They are given up, the run goes on, and the other samples of the batch teach the curriculum."""
    from curricle.transformers import CurriculumTrainer

    class Odd(CurriculumTrainer):
        def outcome(self, inputs: dict[str, Any], outputs: Any) -> dict[str, Any]:
            loss = super().outcome(inputs, outputs)["loss"]
            loss[0], loss[2] = torch.nan, torch.inf
            return {"loss": loss}

    args = transformers.TrainingArguments(**arguments(tmp_path, max_steps=3))
    made = curriculum(policy="boltzmann", signal={"reported": {"field": "loss"}})
    trainer = Odd(model=language_model(), args=args, train_dataset=labelled(), curriculum=made)
    trainer.train()
    counts, batches = trainer.curriculum.counts(), 3 * args.gradient_accumulation_steps
    assert trainer.state.global_step == 3 and counts["lost"] == 2 * batches
    reported = batches * args.train_batch_size - counts["lost"]
    assert counts["admitted"] + counts["rejected"] == reported and trainer.sampler.pending != []


def test_batches_that_one_process_loads_for_all_are_refused(tmp_path: Path) -> None:
    from curricle.transformers import CurriculumTrainer

    more = {"accelerator_config": {"dispatch_batches": True}}
    args = transformers.TrainingArguments(**arguments(tmp_path, max_steps=1), **more)
    with pytest.raises(ConfigError, match="dispatch_batches"):
        CurriculumTrainer(
            model=language_model(), args=args, train_dataset=labelled(), curriculum=curriculum()
        )


def test_success_that_is_not_scored(tmp_path: Path) -> None:
    """A completion that the function of success does not score is left out, whatever others say of it."""
    recorded = Recorded(curriculum())
    trainer = grpo(tmp_path, recorded, success="reward")
    next(iter(trainer.get_train_dataloader()))
    rewards = torch.tensor([1.0, torch.nan, 0.0, 1.0] * 3 + [torch.nan] * 4).view(-1, 1)
    trainer.reward_weights = torch.ones(2)
    trainer._report(torch.cat([rewards, torch.full((16, 1), 0.5)], dim=1))
    reported = torch.as_tensor(recorded.reported[-1][1]["rewards"])
    assert torch.equal(reported.isnan(), rewards.view(4, 4).isnan())
    assert recorded.counts()["admitted"] == 3 and recorded.counts()["lost"] == 1


def test_the_lag_that_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lag=2"):
        grpo(tmp_path, curriculum(), steps_per_generation=1, gradient_accumulation_steps=2)
    with pytest.raises(ConfigError, match="lag=5"):
        grpo(tmp_path, curriculum(), steps_per_generation=1, dataloader_num_workers=2)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
