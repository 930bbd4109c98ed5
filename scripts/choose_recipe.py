"""Try learning rates and initial scales of the laptop recipe on baselines alone, and record what each gave.

nice -n 19 python scripts/choose_recipe.py            # goes on where it was
python scripts/choose_recipe.py --rates 0.003 0.01 --scales 0.02 0.1

Short trainings (a share of the recipe's steps, with its schedule in proportion) of DeltaNet, Gated DeltaNet
and softmax attention, one seed each. No model of the gallery is trained, so the choice cannot favour one.
Each byte of the text is read at most once, so the mean loss of the last tenth of the steps is of unseen text.
The result is artifacts/sweeps/laptop/recipe.json; what is chosen is written into params.yaml by hand.

With --probes the same for the capability probes, on associative recall and selective copying; the share of
wrong answers takes the loss's place, and the result is artifacts/sweeps/laptop/probe_recipe.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

from asi_repro.config.params import load_params
from asi_repro.config.probes import ProbeSettings
from asi_repro.config.train import Recipe
from asi_repro.data.probe_tasks import find_probe
from asi_repro.errors import AsiReproError
from asi_repro.results.recipe_trials import PROBE_RECIPE, RECIPE, Trial, Trials, read_trials
from asi_repro.results.table import SWEEPS_FOLDER
from asi_repro.store.records import write_record
from asi_repro.sweep.workspace import Workspace, open_workspace
from asi_repro.train.environment import hardware_name
from asi_repro.train.probing import Probed, Prober, ProbeSpec, make_probe
from asi_repro.train.run import train_model
from asi_repro.train.spec import Spec, baseline, make_spec

ROOT = Path(__file__).resolve().parent.parent
PROBES_TRIED = ("recall", "selective_copying")
BASELINES = ("delta_net", "gated_delta_net", "transformer")


def main() -> int:
    """Run the trials that are not recorded yet; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.001, 0.003, 0.01])
    parser.add_argument("--scales", type=float, nargs="+", default=[0.02, 0.1])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--probes", action="store_true", help="choose the recipe of the capability probes")
    chosen = parser.parse_args()
    workspace = open_workspace(ROOT, scale="laptop")
    folder = workspace.project.artifacts / SWEEPS_FOLDER / workspace.scale
    if chosen.probes:
        return choose_for_probes(chosen, folder / PROBE_RECIPE)
    path = folder / RECIPE
    found = list(read_trials(path).trials) if path.is_file() else []
    for scale in chosen.scales:
        for rate in chosen.rates:
            for name in BASELINES:
                spec = trial_spec(workspace, name, rate=rate, scale=scale, steps=chosen.steps)
                if any(trial.key == spec.key for trial in found):
                    continue
                trial = run(spec, workspace)
                found = [one for one in found if one.setting != trial.setting] + [trial]
                write_record(path, Trials(corpus=spec.corpus["title"], trials=found))
                print(
                    name, rate, scale, trial.loss, f"{trial.tokens_per_second or 0:,.0f} tokens/s", flush=True
                )
    return show(path)


def choose_for_probes(chosen: argparse.Namespace, path: Path) -> int:
    """The same for the capability probes."""
    params = load_params(ROOT)
    found = list(read_trials(path).trials) if path.is_file() else []
    with Prober(unsafe=True) as prober:
        for scale, rate, name, task in product(chosen.scales, chosen.rates, BASELINES, PROBES_TRIED):
            changes = {"steps": chosen.steps, "learning_rate": rate, "initializer_range": scale}
            settings = ProbeSettings(**{**params.probes.model_dump(), **changes, "evaluations": 1})
            probe = make_probe(baseline(name), find_probe(task), settings, params.train, seed=0)
            if any(trial.key == probe.key for trial in found):
                continue
            trial = probe_trial(probe, prober.run(probe))
            found = [one for one in found if one.setting != trial.setting] + [trial]
            write_record(path, Trials(corpus="synthetic tasks", trials=found))
            print(name, task, rate, scale, trial.loss, flush=True)
    return show(path)


def probe_trial(probe: ProbeSpec, probed: Probed) -> Trial:
    """What a probe of a baseline came to."""
    tokens = max(probed.curve, default=0)
    return Trial(
        model=probe.spec.subject.slug,
        probe=probe.task.name,
        learning_rate=probe.settings.learning_rate,
        initializer_range=probe.settings.initializer_range,
        seed=probe.spec.seed,
        steps=probe.settings.steps,
        tokens=probe.spec.recipe.tokens,
        loss=None if probed.trouble else round(1 - probed.curve[tokens], 4),
        tokens_per_second=float(f"{tokens / probed.cpu_seconds:.4g}") if probed.cpu_seconds else None,
        hardware=hardware_name("cpu"),
        key=probe.key,
    )


def show(path: Path) -> int:
    """Print the settings, the best first."""
    for loss, rate, scale in read_trials(path).ranked():
        print(f"rate {rate:g}, initial scale {scale:g}: mean loss {loss:.4f}")
    return 0


def trial_spec(workspace: Workspace, name: str, *, rate: float, scale: float, steps: int) -> Spec:
    """The training of a baseline by a shorter recipe with this rate and initial scale."""
    spec = make_spec(baseline(name), workspace.settings, workspace.corpus, scale=workspace.scale)
    whole = spec.recipe
    changes: dict[str, Any] = {
        "steps": steps,
        "warmup_steps": round(whole.warmup_steps * steps / whole.steps),
        "decay_steps": round(whole.decay_steps * steps / whole.steps),
        "learning_rate": rate,
    }
    return dataclasses.replace(
        spec,
        recipe=Recipe(**{**whole.model_dump(), **changes}),
        scale=dataclasses.replace(spec.scale, initializer_range=scale),
    )


def run(spec: Spec, workspace: Workspace) -> Trial:
    """Train in a folder that is thrown away; a training that diverges has no loss."""
    with tempfile.TemporaryDirectory(prefix="asi-repro-trial-") as folder:
        done = train_model(spec, workspace.corpus, Path(folder), unsafe=True)
        speed = (Path(folder) / spec.subject.slug / f"seed-{spec.seed}" / "environment.json").read_bytes()
    return Trial.of(spec.scale.initializer_range, spec.recipe, done.result, speed)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except AsiReproError as error:
        raise SystemExit(f"Error: {error}") from None
