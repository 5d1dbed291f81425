"""Whatever stands for an array, as one of NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import DtypeError

#: What NumPy has no type for; single precision holds all of their numbers.
_NARROW = ("bfloat16", "float8")


def _of_tensor(tensor: Any) -> Any:
    """A tensor of torch on the processor, without its graph, of a type that NumPy knows."""
    plain = tensor.detach().cpu()
    return plain.float() if str(plain.dtype).removeprefix("torch.").startswith(_NARROW) else plain


def _plain(value: Any) -> Any:
    """The same, and lists, with plain tensors in the place of others."""
    if callable(getattr(value, "detach", None)):
        return _of_tensor(value)
    return [_plain(element) for element in value] if isinstance(value, list | tuple) else value


def array(what: str, value: Any) -> NDArray[Any]:
    """An array of a sequence, of a tensor of any device and type, or of what else NumPy takes; `what` names it.

    >>> array("loss", [1.0, 2.5])
    array([1. , 2.5])

    Raises `DtypeError` where none can be made, and for one of which elements are masked.
    """
    if isinstance(value, np.ma.MaskedArray):
        masked = np.flatnonzero(np.ma.getmaskarray(value))
        if masked.size:
            raise DtypeError(f"{what}: element {masked[0]} is masked")
    if isinstance(value, list | tuple) and any(element is np.ma.masked for element in value):
        raise DtypeError(f"{what}: an element is masked")
    try:
        try:
            return np.asarray(value)
        except Exception:
            return np.asarray(_plain(value))
    except Exception as error:
        raise DtypeError(f"{what}: no array can be made of it: {error}") from error
