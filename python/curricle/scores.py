"""Scores of hidden states and of logits, of NumPy arrays; `curricle.torch` has the same of tensors."""

from ._core import angle_concentration, score_logits

__all__ = ["angle_concentration", "score_logits"]
