"""Models that could be trained: shipped by packages, in the Hugging Face cache, or named on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tunesmith.config.composing.resolvers import package_file
from tunesmith.config.folders import expand, shipped
from tunesmith.config.limits import parse_yaml
from tunesmith.errors import ConfigError, FilesError, Problem
from tunesmith.suggest import did_you_mean, nearest
from tunesmith.sweeping.space.grammar import text_of_space

PACKAGED = re.compile(r"\$\{package_file:([^,}]+),([^}]+)\}")
OF_ANY_MODEL = "encoder"
"""The option that loads any model, here of any family."""


@dataclass(frozen=True)
class Candidate:
    """A model that could be trained."""

    name: str
    """Its option, its id on the Hub, or its folder or file."""
    path: str
    """What is loaded: a folder, a file or an id on the Hub."""
    origin: str
    """Where it was found, in words."""
    option: str | None = None
    """Its option in the group `model`, if it has one."""

    @property
    def words(self) -> list[str]:
        """The overrides that take it, whatever its family."""
        if self.option is not None:
            return [f"model={self.option}"]
        return [f"model={OF_ANY_MODEL}", "model.family=auto", f"model.path={text_of_space(self.path)}"]

    def words_of(self, family: str) -> list[str]:
        """The overrides that take it, with its family."""
        return self.words if self.option is not None else [f"model={family}", f"model.path={text_of_space(self.path)}"]


def models_at_hand(config_dirs: Sequence[Path]) -> tuple[list[Candidate], list[str]]:
    """Return the models that are on this machine, and in words those of the group `model` that are not.

    Args:
        config_dirs: Folders with the user's own options.
    """
    cached, there, absent = cached_models(), [], []
    for option, path in options_with_a_path(config_dirs):
        packaged = PACKAGED.fullmatch(path)
        if packaged is not None:
            try:
                there.append(Candidate(option, package_file(*packaged.groups()), f"package {packaged[1]}", option))
            except FileNotFoundError as error:
                absent.append(f"{option} ({error})")
        elif path in cached:
            there.append(Candidate(option, path, "Hugging Face cache", option))
        elif expand(path).exists():
            there.append(Candidate(option, path, "local", option))
        else:
            absent.append(f"{option} ({path} is not in the Hugging Face cache)")
    known = {candidate.path for candidate in there}
    there += [Candidate(name, name, "Hugging Face cache") for name in cached if name not in known]
    return there, absent


def named_candidates(names: Sequence[str], config_dirs: Sequence[Path]) -> list[Candidate]:
    """Return the models that the command line names: options of `model`, folders, GGUF files or ids on the Hub.

    Raises:
        ConfigError: One is nothing of the kind.
        FilesError: The package of one is not installed.
    """
    options = dict(options_with_a_path(config_dirs))
    found, problems = [], []
    for name in dict.fromkeys(names):
        if name in options:
            packaged = PACKAGED.fullmatch(options[name])
            try:
                path = options[name] if packaged is None else package_file(*packaged.groups())
            except FileNotFoundError as error:
                raise FilesError(f"model={name}: {error}") from None
            found.append(Candidate(name, path, "named", name))
        elif expand(name).exists():
            found.append(Candidate(name, str(expand(name).resolve()), "named"))
        elif re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", name) and not name.endswith(".gguf"):
            found.append(Candidate(name, name, "named"))
        else:
            hint = did_you_mean(nearest(name, options)) or f"Options: {', '.join(options)}"
            rule = "names no option of model, no folder or GGUF file, and no id on the Hub (org/name)"
            problems.append(Problem("--models", rule, name, hint))
    if problems:
        raise ConfigError(problems)
    return found


def options_with_a_path(config_dirs: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Yield every option of the group `model` that names its weights, with where they are."""
    seen = set()
    for root in (*config_dirs, shipped("conf")):
        for file in sorted((root / "model").glob("*.yaml")):
            node = parse_yaml(file.read_text(encoding="utf-8"))
            path = node.get("path") if isinstance(node, dict) else None
            if file.stem not in seen and isinstance(path, str) and path != "???":
                yield file.stem, path
            seen.add(file.stem)


def cached_models() -> list[str]:
    """Return the Hub's ids of the models whose weights the Hugging Face cache has, as safetensors, at `main`."""
    from huggingface_hub import constants

    ids = []
    for folder in sorted(Path(constants.HF_HUB_CACHE).expanduser().glob("models--*")):
        reference = folder / "refs" / "main"
        if not reference.is_file():
            continue
        snapshot = folder / "snapshots" / reference.read_text(encoding="utf-8").strip()
        if (snapshot / "config.json").is_file() and any(snapshot.glob("*.safetensors")):
            ids.append(folder.name.removeprefix("models--").replace("--", "/"))
    return ids
