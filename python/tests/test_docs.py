"""The examples in the documentation run."""

import doctest
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import curricle

#: What modules of the package need that need not be installed.
NOT_NEEDED = ("omegaconf", "pyarrow", "ray", "torch", "transfer_queue", "transformers", "trl", "verl")


def modules() -> Iterator[tuple[str, ModuleType]]:
    """The modules of the package, but for those that need what is not installed."""
    yield "curricle", curricle
    for found in pkgutil.iter_modules(curricle.__path__):
        name = f"curricle.{found.name}"
        try:
            yield name, importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name not in NOT_NEEDED:
                raise


MODULES = dict(modules())


def documented() -> Iterator[tuple[str, Any]]:
    """All modules, what is public in them, and the members of classes."""
    for name, module in MODULES.items():
        yield name, module
        for key, value in vars(module).items():
            if inspect.ismodule(value) or not str(getattr(value, "__module__", "")).startswith(
                "curricle"
            ):
                continue
            yield f"{name}.{key}", value
            if inspect.isclass(value):
                yield from ((f"{name}.{key}.{member}", it) for member, it in vars(value).items())


EXAMPLES = {
    name: text
    for name, value in documented()
    if not isinstance(value, str) and (text := inspect.getdoc(value)) and ">>>" in text
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str) -> None:
    module = vars(MODULES.get(".".join(name.split(".")[:2]), curricle))
    parsed = doctest.DocTestParser().get_doctest(
        EXAMPLES[name], {**vars(curricle), **module}, name, None, 0
    )
    failures: list[str] = []
    doctest.DocTestRunner(verbose=False).run(parsed, out=failures.append)
    assert parsed.examples and not failures, "".join(failures)


def test_what_is_public_is_documented() -> None:
    public = {name: getattr(curricle, name) for name in curricle.__all__ if name != "PRESETS"}
    classes = {
        name: it
        for name, it in public.items()
        if inspect.isclass(it) and not issubclass(it, (Exception, IntEnum))
    }
    members = {
        f"{name}.{member}": it for name, kind in classes.items() for member, it in vars(kind).items()
    }
    told = {
        name: it
        for name, it in members.items()
        if not name.split(".")[1].startswith("_") and name != "Explanation.text"
    }
    assert len(told) > 50
    assert not [name for name, it in {**public, **told}.items() if not inspect.getdoc(it)]


def test_the_readme_runs() -> None:
    """Its Python is run in order, with a trainer of which prompts below 500 are learned by chance."""
    text = (Path(__file__).parents[1] / "README.md").read_text()
    updated: list[int] = []
    names: dict[str, Any] = {
        "prompts": ["..."] * 1000,
        "categories": ["easy"] * 500 + ["hard"] * 500,
        "rollouts": lambda samples: np.tile([0.0, 1.0], (len(samples), 4)) * (samples < 500)[:, None],
        "update": updated.extend,
        "log": lambda metrics: None,
    }
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, {**vars(curricle), **names}, names)
    assert updated and max(updated) < 500
    assert names["curriculum"].round == 300


def test_the_guide_runs() -> None:
    """Its Python is run in order, as one program."""
    pytest.importorskip("torch")
    text = (Path(__file__).parents[1] / "GUIDE.md").read_text()
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
        exec(block, names)


def test_the_sections_of_the_guide() -> None:
    text = (Path(__file__).parents[1] / "GUIDE.md").read_text()
    headings = {
        "#" + re.sub(r"[^a-z0-9 -]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    links = re.findall(r"\]\((\S+?)\)", text)
    assert len(links) > 20
    for link in links:
        is_there = link in headings or (Path(__file__).parents[1] / link).is_file()
        assert is_there, link
