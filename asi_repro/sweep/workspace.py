"""A project as training sees it: its settings, corpus, archive and folders, opened once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from asi_repro.archive.reader import Archive
from asi_repro.config.params import load_params
from asi_repro.config.train import TrainSettings
from asi_repro.data.blocks import Corpus, open_corpus
from asi_repro.data.corpus import corpus_folder
from asi_repro.errors import AsiReproError, MissingInput, NotFound
from asi_repro.models.scales import find_scale
from asi_repro.project import Project
from asi_repro.results.layout import evaluated_root, seed_folder, trained_root
from asi_repro.sweep import mixer_file
from asi_repro.sweep.selection import SELECTION, find_subject, read_selection
from asi_repro.train.launch import train_in_processes
from asi_repro.train.run import Done, Progress, current_result, train_model
from asi_repro.train.spec import Device, Spec, Subject, make_spec
from asi_repro.verify.adapt import Choice


@dataclass(frozen=True)
class Workspace:
    """One project at one scale.

    Attributes:
        project: its folders.
        settings: of training.
        scale: name of the scale.
    """

    project: Project
    settings: TrainSettings
    scale: str

    @cached_property
    def corpus(self) -> Corpus:
        """The corpus, its hashes checked once."""
        return open_corpus(corpus_folder(self.project.artifacts, find_scale(self.scale).tokenizer))

    @cached_property
    def archive(self) -> Archive | None:
        """The archive, or None where there is none: baselines need none."""
        try:
            return Archive(self.project.archive)
        except MissingInput:
            return None

    @property
    def selection(self) -> Path:
        """The file of the selection."""
        return self.project.artifacts / SELECTION

    def subject(self, name: str, choice: Choice | None = None) -> Subject:
        """The model of a name: a Python file's, one that was kept of a file, a baseline or an architecture.

        Args:
            name: of a baseline or an architecture, or the path of a file.
            choice: the class of a file and its arguments.

        Raises:
            NotFound: for an unknown name.
            MissingInput: where there is no archive or no such file.
            DataError: where a file has no mixer.
        """
        if mixer_file.is_file(name):
            return mixer_file.keep_file(name, self.project.artifacts / mixer_file.PROGRAMS, choice)
        if mixer_file.is_kept(name):
            return mixer_file.kept(name, self.project.artifacts / mixer_file.PROGRAMS)
        return find_subject(name, self.archive)

    def subjects(self, names: list[str] | None = None) -> list[Subject]:
        """The models of these names, or those of the selection.

        Raises:
            NotFound: for an unknown name.
            MissingInput: where there is no selection or no archive.
        """
        return [self.subject(name) for name in names or read_selection(self.selection)]

    def known_subjects(
        self, names: list[str] | None = None, choice: Choice | None = None
    ) -> tuple[list[Subject], dict[str, AsiReproError]]:
        """`subjects`, and the error of each name that nothing has, or whose file has no mixer.

        Raises:
            NotFound: where no name is known.
            DataError: where no file has a mixer.
            MissingInput: where there is no selection or no archive.
        """
        known: list[Subject] = []
        unknown: dict[str, AsiReproError] = {}
        for name in names or read_selection(self.selection):
            try:
                known.append(self.subject(name, choice))
            except NotFound as error:
                unknown[name] = error
            except AsiReproError as error:
                if not mixer_file.is_file(name):
                    raise
                unknown[name] = error
        if not known:
            raise next(iter(unknown.values()))
        return known, unknown

    def trained(self, slug: str, seed: int) -> Path:
        """The folder of a trained model."""
        return seed_folder(trained_root(self.project.artifacts, self.scale), slug, seed)

    def evaluated(self, slug: str, seed: int) -> Path:
        """The folder of its scores."""
        return seed_folder(evaluated_root(self.project.artifacts, self.scale), slug, seed)

    def spec(self, subject: Subject, seed: int, device: Device = "cpu", processes: int | None = None) -> Spec:
        """The training of a subject."""
        return make_spec(
            subject,
            self.settings,
            self.corpus,
            seed=seed,
            scale=self.scale,
            device=device,
            processes=processes,
        )

    def train(
        self,
        subject: Subject,
        seed: int = 0,
        *,
        device: Device = "cpu",
        unsafe: bool = False,
        force: bool = False,
        restart: bool = False,
        progress: Progress | None = None,
    ) -> Done:
        """Train a model, or return what is there; see `train_model`."""
        return train_model(
            self.spec(subject, seed, device),
            self.corpus,
            trained_root(self.project.artifacts, self.scale),
            unsafe=unsafe,
            force=force,
            restart=restart,
            progress=progress,
        )

    def train_in_processes(
        self, subject: Subject, seed: int = 0, *, device: Device, processes: int, force: bool = False
    ) -> Done:
        """Train a model over several processes that are begun for it, or return what is there."""
        began, spec = time.perf_counter(), self.spec(subject, seed, device, processes)
        folder = self.trained(subject.slug, seed)
        if not force and (there := current_result(spec, folder)) is not None:
            return Done(there, folder, True, time.perf_counter() - began)
        train_in_processes(
            self.project.root,
            subject.slug,
            seed,
            scale=self.scale,
            device=device,
            processes=processes,
            force=force,
        )
        found = current_result(spec, folder)
        if found is None:
            raise AsiReproError(
                f"{processes} processes produced a different training from the one requested",
                where=str(folder),
            )
        return Done(found, folder, False, time.perf_counter() - began)


@lru_cache(maxsize=4)
def open_workspace(root: Path, *, scale: str | None = None) -> Workspace:
    """The workspace of the project at `root`.

    Raises:
        DataError: where params.yaml is not valid.
        NotFound: for an unknown scale.
    """
    settings = load_params(root).train
    return Workspace(Project(root), settings, find_scale(scale or settings.scale).name)
