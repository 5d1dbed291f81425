"""Trainers of Hugging Face whose samples a curriculum draws; `transformers` must be installed.

`CurriculumTrainer` is a `Trainer` that reports the loss of each sample. `CurriculumMixin` makes the same of a trainer of
your own, such as `class CurriculumSFT(CurriculumMixin, SFTTrainer)`. For GRPO see `curricle.trl`.

The curriculum needs a `lag` of 1, since batches are loaded one ahead, of more with worker processes, and the data set a
length. It is saved in each checkpoint, and goes on from there with `trainer.train(resume_from_checkpoint=...)`; the
argument `ignore_data_skip` is set for that. An epoch is as many whole draws as the data set has room for, which is not a
pass over it. A sample whose loss is no number is given up, and the run goes on, as that of `Trainer` does. Packing is not
supported, and `dispatch_batches` is refused.
"""

from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers import Trainer

from ._core import Curriculum
from ._errors import ConfigError, NonFiniteError, UnsupportedError
from .samplers import CurriculumSampler, gathered

__all__ = ["CurriculumMixin", "CurriculumTrainer", "sample_losses"]


def sample_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of each sample: of classes [n, k] with labels [n], of next tokens [n, tokens, vocabulary] with labels
    [n, tokens] the mean over those that are not -100; 0 where there is none."""
    if logits.ndim == 2:
        return torch.nn.functional.cross_entropy(logits.float(), labels, reduction="none")
    logits, labels = logits[:, :-1].float(), labels[:, 1:]
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    return losses.sum(dim=1) / (labels != -100).sum(dim=1).clamp_min(1)


class CurriculumMixin:
    """Before a `Trainer`: its samples are drawn by `curriculum`, which it keeps in its checkpoints.

    A draw is a step of the optimiser: `per_device_train_batch_size`, times processes, times steps of accumulation.
    """

    curriculum: Curriculum
    sampler: CurriculumSampler

    def __init__(self, *args: Any, curriculum: Curriculum, **kwargs: Any) -> None:
        self.curriculum = curriculum
        super().__init__(*args, **kwargs)
        if self.args.accelerator_config.dispatch_batches:  # type: ignore[attr-defined]
            raise ConfigError("dispatch_batches: each process has to draw, load in each of them")
        # Else it would draw what it has trained on again, only to skip it.
        self.args.ignore_data_skip = True  # type: ignore[attr-defined]
        self._get_train_sampler()
        if len(curriculum) != len(self.train_dataset):  # type: ignore[attr-defined]
            samples, rows = len(curriculum), len(self.train_dataset)  # type: ignore[attr-defined]
            raise ConfigError(f"samples: the curriculum has {samples}, the data set {rows}")

    def _sampler(self, n: int, batches: int, copies: int = 1, repeats: int = 1) -> CurriculumSampler:
        """A sampler of draws of `n` samples, each of which the loader makes so many batches of."""
        args = self.args  # type: ignore[attr-defined]
        ahead = args.dataloader_num_workers * (args.dataloader_prefetch_factor or 2)
        lag = -(-args.gradient_accumulation_steps // batches) - (-ahead // batches)
        if self.curriculum.lag < lag:
            raise ConfigError(
                f"lag: this trainer loads ahead of what it reports, build the curriculum with `lag={lag}`"
            )
        draws = max(1, len(self.curriculum) // n)
        self.sampler = CurriculumSampler(
            self.curriculum, n, draws=draws, copies=copies, repeats=repeats
        )
        return self.sampler

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        args = self.args  # type: ignore[attr-defined]
        batches = args.gradient_accumulation_steps
        return self._sampler(args.train_batch_size * args.world_size * batches, batches)

    def outcome(self, inputs: dict[str, Any], outputs: Any) -> dict[str, torch.Tensor]:
        """What is reported of the samples of a batch, before it is gathered, a tensor [n] each: their losses, for models of
        classes and of next tokens. To be overridden for others, which raise `UnsupportedError`."""
        logits, labels = outputs["logits"], inputs["labels"]
        kind = type(self.accelerator.unwrap_model(self.model)).__name__  # type: ignore[attr-defined]
        is_causal = logits.ndim == 3 and kind.endswith(("ForCausalLM", "LMHeadModel"))
        is_class = logits.ndim == 2 and labels.ndim == 1 and not labels.is_floating_point()
        if not (is_causal or is_class):
            raise UnsupportedError(
                f"the loss of each sample of a {kind} is not known: override `outcome`"
            )
        return {"loss": sample_losses(outputs["logits"], inputs["labels"])}

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **more: Any
    ) -> Any:
        given = dict(inputs)
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True, **more)  # type: ignore[misc]
        if model.training:
            with torch.no_grad():
                seen = gathered(self.accelerator, **self.outcome(given, outputs))  # type: ignore[attr-defined]
            self.sampler.observe_or_lose(NonFiniteError, **seen)
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        if "loss" in logs:
            metrics = self.curriculum.metrics().items()
            shown = {f"curriculum/{name.removeprefix('curriculum/')}": value for name, value in metrics}
            logs = {**logs, **shown}
        super().log(logs, *args, **kwargs)  # type: ignore[misc]

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)  # type: ignore[misc]
        if self.args.should_save:  # type: ignore[attr-defined]
            torch.save(self.sampler.state_dict(), Path(output_dir) / "curriculum.pt")

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
        if checkpoint is not None:
            state = torch.load(Path(checkpoint) / "curriculum.pt", weights_only=True)
            self.sampler.load_state_dict(state)


class CurriculumTrainer(CurriculumMixin, Trainer):
    """A `Trainer` for models with labels, whose samples are drawn by `curriculum`."""
