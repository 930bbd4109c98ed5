"""Our models as lm-evaluation-harness sees them: an `HFLM` under the name `asi-repro`.

lm_eval --model asi-repro --model_args program=NAME --tasks …/asi_repro/evaluate/tasks/arc_easy.yaml
"""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lm_eval.api.registry import register_model
from lm_eval.models.huggingface import HFLM

from asi_repro.data.tokenizer import BYTE_VALUES, BYTES, GPT2, Tokenizer, find_tokenizer
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.evaluate.scorers import LocalScorer, Progress, SandboxScorer, Scorer
from asi_repro.project import find_project

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,150}")
_PROGRAM_MIXER = "program"


@register_model("asi-repro")
class AsiReproLM(HFLM):  # type: ignore[misc]
    """A model of this project, scored by lm-eval.

    Args:
        program: name of a trained architecture or baseline: its folder is artifacts/trained/NAME.
        checkpoint: another folder that `save_pretrained` wrote.
        sandbox: whether a model around a program nobody here wrote runs in the sandbox (on the CPU).
            Where it is false the program runs in this process and can do what you can do.
        exact: whether scores equal stock HFLM's to the last bit; a quarter less time where not.
        batch_size: sequences a batch.
        max_length: tokens a sequence; None takes the model's.
        device: for a model outside the sandbox.
        dtype: for a model outside the sandbox; "auto" takes the weights'.
        tokenizer: None takes the model's: bytes for a vocabulary of 256, else GPT-2's.
        model: a model in memory instead of a folder.

    Raises:
        MissingInput: where there is no such folder.
        SandboxFailure: where the program cannot be loaded in the sandbox.
    """

    def __init__(
        self,
        program: str | None = None,
        checkpoint: str | None = None,
        *,
        sandbox: bool = True,
        exact: bool = True,
        batch_size: int | str | None = 16,
        max_batch_size: int | None = None,
        max_length: int | None = None,
        device: str | None = "cpu",
        dtype: str = "auto",
        tokenizer: Any = None,
        model: Any = None,
    ) -> None:
        self._sandbox: SandboxScorer | None = None
        self.progress: Progress | None = None
        self.scorer: Scorer
        if model is not None:
            self.scorer = LocalScorer(model, exact=exact)
        else:
            folder = resolve_checkpoint(program, checkpoint)
            config = _read_config(folder)
            if sandbox and getattr(config, "mixer", None) == _PROGRAM_MIXER:
                self._sandbox = SandboxScorer(
                    folder, exact=exact, device=_device(device or "cpu")
                ).__enter__()
                self.scorer = self._sandbox
                import torch

                model = SimpleNamespace(
                    config=config, device=torch.device("cpu"), name_or_path=str(folder), dtype=""
                )
            else:
                model = _load_model(folder, dtype, device or "cpu")
                self.scorer = LocalScorer(model, exact=exact)
        super().__init__(
            pretrained=model,
            backend="causal",
            tokenizer=tokenizer or _tokenizer_of(model.config).hf,
            batch_size=_batch_size(batch_size),
            max_length=max_length or int(getattr(model.config, "max_position_embeddings", 2048)),
        )

    def _loglikelihood_tokens(
        self,
        requests: list[tuple[tuple[str, str] | None, list[int], list[int]]],
        disable_tqdm: bool = False,
        override_bs: int | None = None,
    ) -> list[tuple[float, bool]]:
        pieces = [pieces_of(context, answer, self.max_length) for _, context, answer in requests]
        found = iter(
            self.scorer.scores(
                [piece for row in pieces for piece in row],
                batch_size=override_bs or self.batch_size,
                max_length=self.max_length,
                progress=self.progress,
            )
        )
        scores = []
        for row in pieces:
            parts = [next(found) for _ in row]
            scores.append((math.fsum(total for total, _ in parts), all(greedy for _, greedy in parts)))
        for (text, _, _), score in zip(requests, scores, strict=True):
            if text is not None:
                self.cache_hook.add_partial("loglikelihood", text, score)
        return scores

    def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
        """Text generation, for a model in this process.

        Raises:
            AsiReproError: for a model in the sandbox, which only scores.
        """
        if self._sandbox is not None:
            raise AsiReproError("a model in the sandbox can score texts but cannot generate them")
        # One at a time: HFLM pads shorter texts on the left, which a mixer that ignores masks would read.
        usual: int = self.batch_size
        self.batch_size_per_gpu = 1
        try:
            texts: list[str] = super().generate_until(requests, disable_tqdm)
        finally:
            self.batch_size_per_gpu = usual
        return texts

    def get_model_info(self) -> dict[str, Any]:
        """Facts for lm-eval's results. No hub is asked about a local folder."""
        if self._sandbox is not None:
            facts = self._sandbox.facts
            return {"model_num_parameters": facts["parameters"], "model_dtype": facts["dtype"]}
        count = sum(parameter.numel() for parameter in self.model.parameters())
        return {"model_num_parameters": count, "model_dtype": str(self.model.dtype)}

    def close(self) -> None:
        """Stop the sandboxed worker, if there is one."""
        if self._sandbox is not None:
            self._sandbox.__exit__(None, None, None)


def pieces_of(context: list[int], answer: list[int], max_length: int) -> list[tuple[list[int], list[int]]]:
    """An answer as requests that fit the model: itself, or half-lengths of it, each after what is before it.

    The log-likelihood of an answer is the sum of theirs. A tokenizer of bytes makes answers longer than the
    context of a small model; with GPT-2's there are none, and nothing differs from lm-eval's own HFLM.
    """
    if len(answer) <= max_length:
        return [(context, answer)]
    step = max(max_length // 2, 1)
    return [
        ((context + answer[:start]), answer[start : start + step]) for start in range(0, len(answer), step)
    ]


def model_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model's folder, by the size of its vocabulary.

    Raises:
        DataError: where the folder holds no configuration of a model.
    """
    return _tokenizer_of(_read_config(folder))


def _tokenizer_of(config: Any) -> Tokenizer:
    return find_tokenizer(BYTES if getattr(config, "vocab_size", 0) == BYTE_VALUES else GPT2)


def resolve_checkpoint(program: str | None, checkpoint: str | None) -> Path:
    """The folder of a trained model: `checkpoint`, or the one that `asi-repro train` made of `program`.

    Args:
        program: an architecture's index, name or both as INDEX-NAME, or a baseline's name.
        checkpoint: a folder that `save_pretrained` wrote.

    Raises:
        DataError: where neither is given, the name is no plain file name, or several models have it.
        MissingInput: where there is none.
    """
    if checkpoint:
        folder = Path(checkpoint).expanduser()
    elif program and _NAME.fullmatch(program):
        folder = _trained(program)
    else:
        raise DataError(
            "no model was named" if not program else f"{program!r} is not the name of an architecture",
            hint="pass --model_args program=NAME or checkpoint=FOLDER",
        )
    if not (folder / "config.json").is_file():
        raise MissingInput(
            f"there is no trained model in {folder}",
            hint=f"asi-repro train {program}" if program else "give a folder written by save_pretrained",
        )
    return folder


def _trained(program: str) -> Path:
    """The only folder artifacts/trained/SCALE/SLUG/seed-N of that program."""
    root = find_project().artifacts / "trained"
    found = [path.parent for path in sorted(root.glob("*/*/seed-*/config.json"))]
    named = [folder for folder in found if program in _names_of(folder.parent.name)]
    if not named:
        raise MissingInput(
            f"there is no trained model of {program} in {root}", hint=f"asi-repro train {program}"
        )
    if len(named) > 1:
        raise DataError(
            f"there are {len(named)} trained models of {program}",
            hint="choose one by its folder (--checkpoint): "
            + ", ".join(str(f.relative_to(root)) for f in named),
        )
    return named[0]


def _names_of(slug: str) -> tuple[str, ...]:
    index, _, name = slug.partition("-")
    return (slug, name, index.lstrip("0")) if index.isdigit() else (slug,)


def _read_config(folder: Path) -> Any:
    from transformers import AutoConfig

    import asi_repro.models.lm  # noqa: F401  (makes the model type known)

    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, OSError) as error:
        raise DataError(
            f"the file is not the configuration of a model: {str(error).splitlines()[0][:200]}",
            where=str(folder / "config.json"),
        ) from error


def _load_model(folder: Path, dtype: str, device: str) -> Any:
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, trust_remote_code=False)
    return model.to(_device(device)).eval()


def _device(asked: str) -> str:
    """The device, or the CPU where it is CUDA and there is none: lm-eval's command asks for it unasked."""
    import torch

    if asked.startswith("cuda") and not torch.cuda.is_available():
        logging.getLogger("lm_eval").warning("there is no CUDA here: the model runs on the CPU")
        return "cpu"
    return asked


def _batch_size(asked: int | str | None) -> int:
    try:
        return int(asked or 16)
    except ValueError:
        raise DataError(f"batch size {asked!r} is not a number", hint="for example --batch_size 16") from None
