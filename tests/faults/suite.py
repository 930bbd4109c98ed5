"""The suite: which faults there are, and running them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path

from faults import clocks, damage, pairs, places, stopping
from faults.bench import Bench, Trial
from faults.outcomes import Outcome, Shot

_MODULES = (stopping, places, clocks, pairs, damage)
_TRIES = 6
KINDS = ("kill", "signal", "disk", "read-only", "clock", "pair", "damage")


@dataclass
class Done:
    """What a run of the suite came to.

    Attributes:
        shots: the faults that were injected.
        missed: faults that came too late at every try.
        not_begun: faults for which there was no time.
    """

    shots: list[Shot] = field(default_factory=list)
    missed: int = 0
    not_begun: int = 0


class Late:
    """There is no time left."""


def trials(kinds: Sequence[str] = (), targets: Sequence[str] = ()) -> list[Trial]:
    """One round of faults.

    Args:
        kinds: those of these kinds; all where empty.
        targets: those that hit these commands or files; all where empty.
    """
    listed: Iterator[Trial] = (trial for module in _MODULES for trial in module.trials())
    return [
        trial
        for trial in listed
        if (not kinds or trial.kind in kinds) and (not targets or trial.target in targets)
    ]


def inject(trial: Trial, bench: Bench, seed: str) -> Shot | None:
    """Inject a fault; where it came too late to be one, again at another moment. None where it never hit."""
    draw = random.Random(seed)
    for _ in range(_TRIES):
        try:
            shot = trial.inject(bench, draw)
        except Exception as error:  # the suite's own fault, or a result that it cannot read: never a pass
            return Shot(trial.fault, trial.target, Outcome.STUCK, f"{type(error).__name__}: {error}")
        if shot is not None:
            return shot
    return None


def run_suite(
    listed: Sequence[Trial],
    bench: Bench,
    *,
    seed: int,
    rounds: int,
    jobs: int,
    told: Callable[[Trial, Shot | None], None],
    minutes: float | None = None,
) -> Done:
    """Inject every fault so many times, in an order that the seed draws.

    Args:
        told: called with each fault as it ends; None where it came too late at every try.
        minutes: no fault is begun after that.
    """
    work = [(place, turn) for turn in range(rounds) for place in range(len(listed))]
    random.Random(seed).shuffle(work)
    until = None if minutes is None else time.monotonic() + 60 * minutes
    done = Done()

    def attempt(place: int, turn: int) -> Shot | Late | None:
        if until is not None and time.monotonic() > until:
            return Late()
        return inject(listed[place], bench, f"{seed} {turn} {place}")

    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(attempt, *one): one for one in work}
        for future in as_completed(futures):
            shot = future.result()
            if isinstance(shot, Late):
                done.not_begun += 1
                continue
            if shot is None:
                done.missed += 1
            else:
                done.shots.append(shot)
            told(listed[futures[future][0]], shot)
    return done


def keep(path: Path, seed: int, shot: Shot | None) -> None:
    """Add a fault to a file of JSON lines; None is one that came too late."""
    fields = None if shot is None else {**asdict(shot), "outcome": shot.outcome.name}
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"seed": seed, "shot": fields}) + "\n")


def read_kept(path: Path) -> tuple[list[int], Done]:
    """The seeds and the faults in such a file, in the order of the suite."""
    done, seeds = Done(), set()
    for line in path.read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        seeds.add(int(value["seed"]))
        if (shot := value["shot"]) is None:
            done.missed += 1
        else:
            done.shots.append(Shot(**{**shot, "outcome": Outcome[shot["outcome"]]}))
    order = {(trial.fault, trial.target): place for place, trial in enumerate(reversed(trials()))}
    done.shots.sort(key=lambda shot: -order.get((shot.fault, shot.target), -1))
    return sorted(seeds), done
