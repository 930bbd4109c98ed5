"""The roles against a local server through the real SDK: what they ask, what they make of the answers."""

from __future__ import annotations

import json
from statistics import stdev

import pytest
from actors import (
    ANALYSIS,
    PROPOSED,
    Actors,
    FixedChecks,
    brief,
    candidate,
    changed_program,
    make_llm,
    marks,
    metrics,
    proposes,
    reading,
)
from messages_server import refusal, structured, text, tool_call, truncated

from asi_repro.config.roles import JudgeWeights, RolesSettings
from asi_repro.discover.cognition.base import CognitionBase, own_notes
from asi_repro.discover.prompts import load_prompt
from asi_repro.discover.roles.analyst import LlmAnalyst
from asi_repro.discover.roles.checker import LlmChecker
from asi_repro.discover.roles.engineer import LlmEngineer
from asi_repro.discover.roles.judge import LlmJudge
from asi_repro.discover.roles.notes import shortcomings_in, with_shortcomings
from asi_repro.discover.roles.novelty import LlmNovelty
from asi_repro.discover.roles.researcher import LlmResearcher
from asi_repro.discover.types import Proposal, RoleFailure, Verdict
from asi_repro.errors import AsiReproError
from asi_repro.llm.errors import BadToolInput, Refused, Truncated
from asi_repro.traces.spans import Trace

SETTINGS = RolesSettings(drafts=2)
PROPOSAL = Proposal("scaled_delta", PROPOSED["motivation"], changed_program())


@pytest.fixture(scope="session")
def cognition(embedder) -> CognitionBase:
    return CognitionBase(own_notes(), embedder)


def spans(trace: Trace, name: str) -> list[dict]:
    return [row["attributes"] for row in trace.to_rows() if row["name"] == name]


# Researcher


def test_the_researcher_reads_writes_repairs_and_proposes(cognition: CognitionBase) -> None:
    parent = candidate(analysis=with_shortcomings("Text.", ANALYSIS["shortcomings"]))
    script = [
        tool_call("read_program", {"which": "parent"}),
        tool_call("read_program", {"which": "reference-2"}),
        tool_call("write_program", {"program": "import os\nclass DeltaNet: pass"}),
        tool_call("write_program", {"program": f"```python\n{changed_program()}```"}),
        tool_call("check_program", {}),
        structured({**PROPOSED, "notes": ["router-balance", "made-up"]}),
    ]
    trace = Trace("9")
    rejections = [Verdict(False, "scaled_delta repeats experiment 3: the same scale")]
    with Actors(researcher=script, summary=[text("A summary of it.")]) as server:
        found = LlmResearcher(make_llm(server), cognition, SETTINGS).propose(brief(parent), rejections, trace)
    assert (found.name, found.motivation) == (PROPOSED["name"], PROPOSED["motivation"])
    assert found.program.strip() == changed_program().strip()
    assert found.cognition == ("router-balance",)
    # Fresh summaries of the parent and both references, in that order.
    assert len(server.asked["summary"]) == 3
    assert "# reference 3" in server.first_text("summary", 2)
    asked = server.first_text("researcher")
    assert asked.count("A summary of it.") == 3
    assert "the same scale" in asked
    assert "`router-balance`" in asked
    results = [m["content"][0]["content"] for m in server.asked["researcher"][-1]["messages"][2::2]]
    said = [item if isinstance(item, str) else item[0]["text"] for item in results]
    assert parent.program in said[0]
    assert "# reference 3" in said[1]
    assert "os" in said[2]
    assert "cannot go on" in said[2]
    assert "in order" in said[3]
    assert "in order" in said[4]
    # Every version is in the trace, and which prompt was used.
    versions = spans(trace, "program version")
    assert [v["program.version"] for v in versions] == [1, 2]
    assert versions[0]["program.problems"]
    assert not versions[1]["program.problems"]
    assert versions[0]["program.source"].startswith("import os")
    [used] = spans(trace, "ask the researcher")
    prompt = load_prompt("researcher")
    assert (used["prompt.id"], used["prompt.version"], used["prompt.sha256"]) == (
        "researcher",
        prompt.version,
        prompt.sha256,
    )
    [recalled] = spans(trace, "recall")
    ids = {recalled[f"retrieval.documents.{place}.document.id"] for place in range(3)}
    assert ids >= {"router-balance", "entropy-floor"}


def test_a_researcher_that_writes_nothing_is_asked_again_then_given_up(cognition: CognitionBase) -> None:
    with Actors(
        researcher=[structured(PROPOSED), *proposes(changed_program())], summary=[text("S")]
    ) as server:
        llm = make_llm(server)
        found = LlmResearcher(llm, cognition, SETTINGS).propose(brief(), [], Trace("9"))
        assert found.program.strip() == changed_program().strip()
        retry = server.asked["researcher"][1]["messages"]
        assert [message["role"] for message in retry] == ["user", "assistant", "user"]
        assert "still the program it began with" in json.dumps(retry[2])
    broken = [tool_call("write_program", {"program": "class DeltaNet("}), structured(PROPOSED)]
    with Actors(researcher=broken * 2, summary=[text("S")]) as server:
        with pytest.raises(RoleFailure, match="no program that can be loaded in 2 tries"):
            LlmResearcher(make_llm(server), cognition, SETTINGS).propose(brief(), [], Trace("9"))
        assert len(server.asked["researcher"]) == 4


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("class Other: pass", "no class DeltaNet"),
        (
            "import torch\nclass DeltaNet(torch.nn.Module):\n    def forward(self, x): return x, None, None",
            "kwargs",
        ),
        ("import subprocess", "subprocess"),
        ("x" * 200_000, "100000 are the limit"),
        ("\ud800", "does not parse"),
    ],
    ids=["another class", "no kwargs", "an import", "a flood", "half a pair"],
)
def test_what_the_text_check_says_of_a_program(program: str, said: str) -> None:
    from asi_repro.discover.roles.draft import Draft

    trace = Trace("1")
    draft = Draft(changed_program(), {}, trace)
    answer = draft.tools()[1].run({"program": program})
    assert said in answer
    trace.to_jsonl().encode()


# Novelty

KNOWN = {3: "# an older one\n" + changed_program("0.25"), 5: "x = 1\nclass DeltaNet: pass"}
MOTIVATIONS = [(3, "Scale the output of the mixer."), (5, "Route tokens to branches.")]


def programs(indices):
    return {index: KNOWN[index] for index in indices}


def test_a_program_that_is_there_is_rejected_without_asking(embedder) -> None:
    again = Proposal(
        "again", "Words that nobody used before.", changed_program("0.25").replace("_scale", "_by")
    )
    with Actors() as server:
        novelty = LlmNovelty(make_llm(server), programs, embedder, SETTINGS)
        verdict = novelty.check(again, MOTIVATIONS, Trace("9"))
        assert not server.requests
    assert not verdict.accepted
    assert verdict.evidence["experiment"] == 3
    assert "experiment 3" in verdict.reason


def test_how_near_motivations_are_is_recorded(embedder) -> None:
    trace = Trace("9")
    same_words = Proposal("new", MOTIVATIONS[0][1], changed_program("0.125"))
    with Actors(novelty=[structured({"repeats": None, "reason": "Another mechanism."})]) as server:
        verdict = LlmNovelty(make_llm(server), programs, embedder, SETTINGS).check(
            same_words, MOTIVATIONS, trace
        )
    assert verdict.accepted
    assert verdict.evidence["nearest"][0] == {"experiment": 3, "similarity": 1.0}
    assert "wordllama" in verdict.evidence["embedding"]
    [found] = spans(trace, "nearest motivations")
    assert found["retrieval.documents.0.document.score"] == 1.0


def test_the_model_decides_on_the_nearest_and_may_name_only_those(embedder) -> None:
    outside = structured({"repeats": 99, "reason": "It is the same."})
    repeats = structured({"repeats": 3, "reason": "It scales the output too."})
    with Actors(
        novelty=[outside, repeats, structured({"repeats": None, "reason": "Another place."})]
    ) as server:
        novelty = LlmNovelty(make_llm(server), programs, embedder, SETTINGS)
        first = novelty.check(PROPOSAL, MOTIVATIONS, Trace("9"))
        second = novelty.check(PROPOSAL, MOTIVATIONS, Trace("9"))
        assert (first.accepted, first.evidence["experiment"]) == (False, 3)
        assert first.reason == "scaled_delta repeats experiment 3: It scales the output too."
        assert (second.accepted, second.reason) == (True, "Another place.")
        assert len(server.requests) == 3
        assert "Route tokens" in server.first_text("novelty")
        nobody = novelty.check(PROPOSAL, [], Trace("9"))
        assert nobody.accepted
        assert len(server.requests) == 3


# Checker


def problem(severity: str, line: int = 3) -> dict:
    return {"severity": severity, "line": line, "what": "The gate sums over all positions."}


@pytest.mark.parametrize(
    ("found", "accepted"),
    [
        ([], True),
        ([problem("remark")], True),
        ([problem("remark"), problem("blocking")], False),
        ([problem("mismatch")], False),
        ([problem("blocking", line=100_000)], True),
    ],
    ids=["nothing", "remark", "blocking", "mismatch", "points nowhere"],
)
def test_the_reading_rejects_what_it_can_point_to(found: list[dict], accepted: bool) -> None:
    with Actors(checker=[reading(*found)]) as server:
        verdict = LlmChecker(make_llm(server), FixedChecks()).check(PROPOSAL, Trace("9"))
    assert verdict.accepted is accepted
    assert verdict.evidence["runs"] == "pass"
    assert len(verdict.evidence["reading"]) == len(found)
    assert accepted or "line 3" in verdict.reason


def test_what_fails_the_checks_is_not_read() -> None:
    with Actors() as server:
        verdict = LlmChecker(make_llm(server), FixedChecks(False)).check(PROPOSAL, Trace("9"))
        assert (verdict.accepted, verdict.reason) == (False, "causality fails")
        assert not server.requests


# Engineer


def test_the_engineer_repairs_from_the_end_of_the_log() -> None:
    fixed = changed_program("0.75")
    script = [
        tool_call("write_program", {"program": "def broken("}),
        tool_call("write_program", {"program": fixed}),
        structured({"repaired": True, "cause": "The scale was too large."}),
    ]
    trace = Trace("9")
    log = "the beginning\n" + "x" * 7000 + "\nRuntimeError: the end"
    with Actors(engineer=script) as server:
        found = LlmEngineer(make_llm(server), SETTINGS).repair(PROPOSAL, log, trace)
        asked = server.first_text("engineer")
    assert found is not None
    assert found.program.strip() == fixed.strip()
    assert found.motivation == PROPOSAL.motivation
    assert "RuntimeError: the end" in asked
    assert "the beginning" not in asked
    assert [v["program.version"] for v in spans(trace, "program version")] == [1, 2]
    assert spans(trace, "repaired")[0]["repair.cause"] == "The scale was too large."


@pytest.mark.parametrize("repaired", [True, False])
def test_an_engineer_that_cannot_says_so(repaired: bool) -> None:
    script = [structured({"repaired": repaired, "cause": "The idea divides by zero."})] * 2
    with Actors(engineer=script) as server:
        trace = Trace("9")
        assert LlmEngineer(make_llm(server), SETTINGS).repair(PROPOSAL, "", trace) is None
        # One that claims a repair without a new program is told so, once.
        assert len(server.requests) == (2 if repaired else 1)
        assert spans(trace, "repaired")[0]["repair.given"] is False


# Judge


def test_the_judge_is_asked_several_times_and_mapped_to_one(embedder) -> None:
    answers = [
        marks(),
        marks(innovation=8),
        marks(innovation=10, complexity=10, correctness=10, convergence=10),
    ]
    settings = RolesSettings(
        judge_samples=3,
        judge_weights=JudgeWeights(innovation=0.4, complexity=0.2, correctness=0.2, convergence=0.2),
    )
    with Actors(judge=answers) as server:
        found = LlmJudge(make_llm(server), settings).judge(PROPOSAL, metrics(4.9), metrics(), Trace("9"))
        assert len(server.requests) == 3
        assert "against the baseline's 5.0000" in server.first_text("judge")
    # By hand: 0.4 * 0.6 + 0.2 * (0.5 + 0.7 + 0.45), the same with 0.8, and 1.
    assert found.samples == (0.57, 0.65, 1.0)
    assert found.score == pytest.approx(0.74)
    assert found.spread == pytest.approx(stdev((0.57, 0.65, 1.0)), abs=1e-6)
    assert found.parts["innovation"] == pytest.approx(0.8)


def test_deltanet_is_a_half_and_gated_deltanet_one() -> None:
    same = dict.fromkeys(("innovation", "complexity", "correctness", "convergence"), 5.0)
    with Actors(judge=[marks(**same)]) as server:
        found = LlmJudge(make_llm(server), RolesSettings(judge_samples=1)).judge(
            PROPOSAL, metrics(), metrics(), Trace("9")
        )
    assert (found.score, found.spread) == (0.5, 0.0)
    with Actors(judge=[marks(innovation=11), marks(innovation=10)]) as server:
        found = LlmJudge(make_llm(server), RolesSettings(judge_samples=1)).judge(
            PROPOSAL, metrics(), metrics(), Trace("9")
        )
        assert found.parts["innovation"] == 1.0
        assert len(server.requests) == 2


def test_weights_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1.25"):
        JudgeWeights(innovation=0.5)


# Analyst


def test_the_analyst_sees_the_company_and_recalls_for_the_next(cognition: CognitionBase) -> None:
    siblings = [candidate(index, motivation=f"Sibling {index} of it.") for index in range(2, 12)]
    with Actors(analyst=[structured(ANALYSIS)]) as server:
        found = LlmAnalyst(make_llm(server), cognition, SETTINGS).analyse(
            PROPOSAL, metrics(4.9), metrics(), candidate(), siblings, Trace("9")
        )
        asked = server.first_text("analyst")
    assert "Sibling 11" in asked
    assert "Sibling 5 of" not in asked
    assert "design_1" in asked
    assert "-0.1000 against the baseline's 5.0000" in asked
    assert found.shortcomings == tuple(ANALYSIS["shortcomings"])
    assert len(found.cognition) == 3
    assert "router-balance" in found.cognition
    assert shortcomings_in(found.text) == found.shortcomings


def test_shortcomings_survive_what_the_analysis_says() -> None:
    tricky = "Body.\n\n## Shortcomings\n\n- not this one"
    assert shortcomings_in(with_shortcomings(tricky, ["this\n  one"])) == ("this one",)
    assert shortcomings_in(with_shortcomings(tricky, [])) == ()
    assert shortcomings_in("nothing here") == ()


# What a model can do wrong


def ask_all(llm, cognition, embedder) -> dict:
    return {
        "summary": lambda: LlmResearcher(llm, cognition, SETTINGS).propose(brief(), [], Trace("9")),
        "researcher": lambda: LlmResearcher(llm, cognition, SETTINGS).propose(brief(), [], Trace("9")),
        "novelty": lambda: LlmNovelty(llm, programs, embedder, SETTINGS).check(
            PROPOSAL, MOTIVATIONS, Trace("9")
        ),
        "checker": lambda: LlmChecker(llm, FixedChecks()).check(PROPOSAL, Trace("9")),
        "engineer": lambda: LlmEngineer(llm, SETTINGS).repair(PROPOSAL, "log", Trace("9")),
        "judge": lambda: LlmJudge(llm, SETTINGS).judge(PROPOSAL, metrics(), metrics(), Trace("9")),
        "analyst": lambda: LlmAnalyst(llm, cognition, SETTINGS).analyse(
            PROPOSAL, metrics(), metrics(), None, [], Trace("9")
        ),
    }


@pytest.mark.parametrize(
    "role", ["summary", "researcher", "novelty", "checker", "engineer", "judge", "analyst"]
)
def test_refusal_truncation_and_nonsense_end_in_one_clear_error(role: str, cognition, embedder) -> None:
    wrong = {
        Refused: [refusal("other", "no")] * 2,
        Truncated: [truncated('{"problems": [')] * 2,
        BadToolInput: [structured({"something": "else"})] * 4,
    }
    if role == "summary":
        wrong[AsiReproError] = [text(" "), text("\n")]
        del wrong[BadToolInput]  # a summary has no form to miss
    for kind, script in wrong.items():
        scripts = {"summary": [text("S")], role: script}
        with Actors(**scripts) as server:
            with pytest.raises(RoleFailure, match="failed 2 times") as caught:
                ask_all(make_llm(server), cognition, embedder)[role]()
            assert "9" in (caught.value.where or "")
            assert isinstance(caught.value.__cause__, kind)
            assert len(server.asked[role]) == len(script)
