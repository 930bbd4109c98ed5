"""A run of the arm of language models through the loop, from proposal to commit, and its replay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from actors import (
    ANALYSIS,
    Actors,
    FixedChecks,
    changed_program,
    make_llm,
    marks,
    metrics,
    proposes,
    reading,
)
from messages_server import Behaviour, structured, text, tool_call
from pydantic import ValidationError

from asi_repro.config.discover import DiscoverSettings
from asi_repro.config.roles import RolesSettings
from asi_repro.discover.cognition.base import CognitionBase, own_notes
from asi_repro.discover.loop.exploration import Exploration
from asi_repro.discover.operators.library import seed_program
from asi_repro.discover.roles.team import build_llm_team, programs_of
from asi_repro.discover.run.folder import DiscoveryRun, RunSettings
from asi_repro.discover.types import LabFailure, Proposal
from asi_repro.llm.client import LLM
from asi_repro.llm.errors import Unreachable
from asi_repro.traces.spans import parse_jsonl

FIRST, BROKEN, FIXED = seed_program(), changed_program("1e9"), changed_program("0.5")
SETTINGS = RolesSettings(judge_samples=2)


class StandInLab:
    """Trains nothing; a program with the scale 1e9 fails as a diverging one would."""

    def run(self, program, seed, trace, *, baseline=None):
        if "1e9" in program:
            raise LabFailure("step 3: the loss is not finite", reason="nan")
        return metrics(5.0 if baseline is None else 4.9)


def scripts() -> dict[str, list[Behaviour]]:
    """One rejection, one repair, one success."""
    return {
        "summary": [text("Plain DeltaNet.")],
        "researcher": [
            *proposes(FIXED, name="first_idea"),
            *proposes(BROKEN, name="second_idea"),
        ],
        "novelty": [
            structured({"repeats": 1, "reason": "It is the first program with a constant."}),
            structured({"repeats": None, "reason": "The constant is large."}),
        ],
        "checker": [reading()],
        "engineer": [
            tool_call("write_program", {"program": FIXED}),
            structured({"repaired": True, "cause": "The output grew without bound."}),
        ],
        "judge": [marks(), marks(innovation=8)] * 2,
        "analyst": [structured(ANALYSIS)],
    }


def begin(folder: Path, **discover: Any) -> DiscoveryRun:
    settings = RunSettings(
        seed=5,
        discover=DiscoverSettings(arm="llm", **discover),
        exploration={},
        verification={},
        llm={},
        made_with={},
    )
    return DiscoveryRun.create(folder, settings)


@pytest.fixture
def work(embedder) -> Callable[[DiscoveryRun, LLM], None]:
    cognition = CognitionBase(own_notes(), embedder)

    def run_it(run: DiscoveryRun, llm: LLM) -> None:
        team = build_llm_team(
            programs_of(run.store), cognition, SETTINGS, llm, checker=FixedChecks(), lab=StandInLab()
        )
        Exploration(run, team, lambda: Proposal("delta_net", "The baseline.", FIRST)).work(2)

    return run_it


def test_from_proposal_to_commit_and_the_same_again_without_a_network(tmp_path: Path, work) -> None:
    run = begin(tmp_path / "live")
    records = tmp_path / "llm.jsonl"
    with Actors(**scripts()) as server:
        work(run, make_llm(server, records=records, mode="record"))
        asked = {key: len(bodies) for key, bodies in server.asked.items()}
        told = server.first_text("researcher", 2)
        log = server.first_text("engineer")
    commits = run.store.commits()
    assert sorted(commits) == [1, 2]
    # Reading: the first program, the second idea, and its repair; judging: two samples an experiment.
    assert asked == {
        "summary": 2,
        "researcher": 4,
        "novelty": 2,
        "checker": 3,
        "engineer": 2,
        "judge": 4,
        "analyst": 2,
    }
    assert "first_idea repeats experiment 1" in told
    assert "the loss is not finite" in log
    # What the first analysis found lacking recalled the notes of the next generation.
    assert "`router-balance`" in told

    [files] = run.store.files([commits[2]], ["program.py", "discovery.json", "trace.jsonl", "analysis.md"])
    assert files["program.py"].decode().strip() == FIXED.strip()
    found = json.loads(files["discovery.json"])
    assert found["repairs"] == 1
    assert found["proposals"] == 2
    assert found["judgement"]["spread"] > 0
    assert set(found["fitness"]["terms"]) == {"loss", "benchmark", "judge"}
    assert "within the noise" in files["analysis.md"].decode()
    kept = json.loads(run.rejected(2, failed=False).read_text())
    assert [each["by"] for each in kept["turned_down"]] == ["novelty", "lab"]
    rows = parse_jsonl(files["trace.jsonl"].decode(), "trace")
    names = [row["name"] for row in rows]
    for name in ("recall", "nearest motivations", "read the program", "program version", "repaired"):
        assert name in names
    prompts = {row["attributes"]["prompt.id"] for row in rows if "prompt.id" in row["attributes"]}
    assert prompts == {"summary", "researcher", "novelty", "checker", "engineer", "judge", "analyst"}

    again = begin(tmp_path / "again")
    with Actors() as nobody:
        work(again, make_llm(nobody, records=records, mode="replay"))
        assert not nobody.requests
    assert again.store.commits() == commits


def test_a_role_that_fails_ends_its_experiment_and_says_why(tmp_path: Path, work) -> None:
    run = begin(tmp_path / "live")
    with Actors(**{**scripts(), "engineer": [structured({"wrong": "shape"})] * 4}) as server:
        work(run, make_llm(server))
    assert sorted(run.store.commits()) == [1]
    kept = json.loads(run.rejected(2, failed=True).read_text())
    assert kept["why"].startswith("the engineer failed 2 times")
    assert [each["by"] for each in kept["turned_down"]] == ["novelty", "lab"]


def test_an_interrupted_run_asks_only_what_it_has_no_answer_to(tmp_path: Path, work) -> None:
    records = tmp_path / "llm.jsonl"
    run = begin(tmp_path / "live")
    with Actors(**{**scripts(), "engineer": []}) as server, pytest.raises(Unreachable, match="engineer"):
        work(run, make_llm(server, records=records, mode="record"))
    assert sorted(run.store.commits()) == [1]
    left = ("engineer", "checker", "judge", "analyst")
    with Actors(**{key: script for key, script in scripts().items() if key in left}) as server:
        work(run, make_llm(server, records=records, mode="record"))
        assert set(server.asked) == set(left)
    assert sorted(run.store.commits()) == [1, 2]


def test_the_arm_is_built_from_a_runs_settings_as_often_as_asked(tmp_path: Path) -> None:
    from asi_repro.discover.arms import build_team

    (tmp_path / "params.yaml").write_text("seed: 1\nclaims:\n  resamples: 500\n")
    run = begin(tmp_path / "run")
    for _ in range(2):
        team = build_team(run, tmp_path, None)
        assert team.judge is not None
        assert team.engineer is not None
    parts = ["analyst", "judge", "cognition", "novelty", "repairs"]
    bare = build_team(begin(tmp_path / "bare", without=parts), tmp_path, None)
    assert (bare.analyst, bare.judge, bare.novelty, bare.engineer) == (None,) * 4
    assert len(bare.researcher._cognition) == 0 < len(team.researcher._cognition)
    with pytest.raises(ValidationError, match="drafts"):
        begin(tmp_path / "wrong", roles={"drafts": 0})
