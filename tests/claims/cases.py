"""Made-up data for every claim: in which it is true, and in which it is false.

Each case is a change to the real release, to a paper's tables, or a set of certificates. A claim is tested
with the first case that is meant for its truth and for its falsehood; what is not named is as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from asi_repro.archive.tables import Run
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import JsonDict
from asi_repro.verify.results import CheckResult

Rows = list[dict[str, str]]
TABLE1, TABLE2, TABLE3, FIGURE1 = "table1.csv", "table2.csv", "table3.csv", "figure1.csv"
EVOLVE1 = "asi_evolve_table1.csv"


@dataclass(frozen=True)
class Case:
    """What to change before a claim is checked.

    Attributes:
        run: changes the release.
        tables: change the papers' tables, by file.
        failing: rows of certificates: None for no certificates, else the rows that one program fails.
        parameters: what the certificates say of the size.
    """

    run: Callable[[Run], object] | None = None
    tables: dict[str, Callable[[Rows], object]] = field(default_factory=dict)
    failing: tuple[str, ...] | None = None
    parameters: int = 345_000_000


def row(name: str, verdict: str = "pass", value: float | None = 0.0) -> CheckResult:
    """A row of a certificate."""
    return CheckResult(name, verdict, value, 1.0, "<=", "units", "measured", {})  # type: ignore[arg-type]


def row_of(rows: list[JsonDict], index: int) -> JsonDict:
    return next(row for row in rows if row["index"] == index)


def add_experiment(run: Run) -> None:
    last = run.experiments[-1]
    run.experiments.append({**last, "index": last["index"] + 1, "in_gallery": False, "has_program": False})


def copy_a_program(run: Run) -> None:
    source = "# another comment\n" + run.programs[0]["source"]
    run.programs[1] |= {"source": source, "sha256": sha256_bytes(source.encode())}


def one_name_each(run: Run) -> None:
    for row in run.experiments:
        if row["in_gallery"]:
            row["display_name"] = f"Name{row['index']}"


def move_a_program(run: Run) -> None:
    run.programs[0]["parent"] = 2


def second_root(run: Run) -> None:
    run.experiments[-1]["parent"] = None


def other_root(run: Run) -> None:
    run.experiments[0]["display_name"] = "Mamba2"


def mend_diagram(run: Run) -> None:
    row_of(run.programs, 1283)["diagram"] = "<svg xmlns='http://www.w3.org/2000/svg'/>"


def mend_curve(run: Run) -> None:
    for row in run.curves:
        row["loss"] = 3.4693 if row["loss"] is None else row["loss"]


def fill_benchmarks(run: Run) -> None:
    for row in run.benchmarks:
        row["value"] = 30.0 if row["value"] is None else row["value"]


def early_parent(run: Run) -> None:
    row_of(run.experiments, 150)["parent"] = 40


def always_the_best(run: Run) -> None:
    """Every parent after the cold start is the best so far."""
    best = run.experiments[0]
    for place, row in enumerate(run.experiments):
        if place > 200:
            row["parent"] = best["index"]
        best = max(best, row, key=lambda r: r["score"])


def scores_as_means(run: Run) -> None:
    for row in run.experiments:
        row["score"] /= 3


def gallery_on_top(run: Run) -> None:
    for row in run.experiments:
        row["score"] += 10 * row["in_gallery"]


def shrinking(run: Run) -> None:
    for place, row in enumerate(sorted(run.programs, key=lambda r: r["index"])):
        row["parameters"] = 500_000_000 - 100_000 * place


def growing(run: Run) -> None:
    for place, row in enumerate(sorted(run.programs, key=lambda r: r["index"])):
        row["parameters"] = 400_000_000 + 100_000 * place


def as_claimed_in_size(run: Run) -> None:
    for row in run.programs:
        row["parameters"] = 345_000_000


def without_view(run: Run) -> None:
    for row in run.programs:
        source = row["source"].replace(".view(", ".sum(").replace(".reshape(", ".sum(")
        row |= {"source": source, "sha256": sha256_bytes(source.encode())}


def another_entry(run: Run) -> None:
    file = max((row["file"] for row in run.cognition), key=[r["file"] for r in run.cognition].count)
    first = next(row for row in run.cognition if row["file"] == file)
    run.cognition.append({**first, "id": "more#9", "position": 9})


def fewer_papers(run: Run) -> None:
    run.cognition = run.cognition[:30]


def no_convolution(run: Run) -> None:
    for row in run.programs:
        row["motivation"] = row["motivation"].lower().replace("conv", "c-nv").replace("fir", "f-r")


def names_of_the_five(run: Run) -> None:
    gallery = [row for row in run.experiments if row["in_gallery"]]
    names = ["PathGateFusionNet", "HierGateNet", "AdaMultiPathGateNet"]
    for row, name in zip(gallery, names, strict=False):
        row["display_name"] = name


def other_names(run: Run) -> None:
    for row in run.experiments:
        row["display_name"] = f"Name{row['index']}"


def model(rows: Rows, name: str) -> dict[str, str]:
    return next(row for row in rows if next(iter(row.values())) == name)


def mend_delta(rows: Rows) -> None:
    model(rows, "SpectralContextMixer")["delta_train_loss_20m"] = "+0.5834"


def break_delta(rows: Rows) -> None:
    model(rows, "TriScaleFusionNet")["delta_test_score_340m"] = "+1.49"


def mend_stage1(rows: Rows) -> None:
    for row in rows[2:]:
        row["train_loss_20m"] = "4.4000"
        row["test_score_20m"] = "37.00"


def tie_at_20m(rows: Rows) -> None:
    mend_stage1(rows)
    rows[5]["test_score_20m"] = rows[0]["test_score_20m"]


def behind_at_340m(rows: Rows) -> None:
    model(rows, "ResConvGate")["test_score_340m"] = "41.90"


def tie_at_340m(rows: Rows) -> None:
    model(rows, "ResConvGate")["test_score_340m"] = "42.10"


def same_order_at_both(rows: Rows) -> None:
    for row in rows:
        row["test_score_20m"] = row["test_score_340m"]


def opposite_loss(rows: Rows) -> None:
    for row in rows:
        row["train_loss_20m"] = str(8 - float(row["train_loss_340m"]))


def wrong_average(rows: Rows) -> None:
    model(rows, "HierGateNet")["average"] = "49.24"


def five_far_ahead(rows: Rows) -> None:
    for row in rows:
        if row["origin"] == "discovered":
            for column in list(row)[2:]:
                row[column] = "10" if column.endswith("ppl") else "90"


def the_top_of_the_gallery(rows: Rows) -> None:
    """The five best of the gallery by the sum of both ranks."""
    best = ["OutputAwareMultiScaleRouter", "FusionGate-MS", "DualScaleMemoryRouter", "AdaptiveEntropyRouter"]
    found = [row for row in rows if row["origin"] == "discovered"]
    for row, name in zip(found, best, strict=False):
        row["model"] = name
    found[4]["model"] = "TempMixAnnealRouter"


def more_than_all(rows: Rows) -> None:
    model(rows, "All")["originality_pct"] = "11.1"
    model(rows, "All")["cognition_pct"] = "50.7"


def row_over_100(rows: Rows) -> None:
    for row in rows:
        row["experience_pct"] = str(float(row["experience_pct"]) + 1)


def less_experience(rows: Rows) -> None:
    model(rows, "Model Gallery")["experience_pct"] = "30.0"


def accelerating(rows: Rows) -> None:
    for place, row in enumerate(rows):
        row["cumulative_sota"] = str(round(106 * (place / (len(rows) - 1)) ** 3))


def steady(rows: Rows) -> None:
    for place, row in enumerate(rows):
        row["cumulative_sota"] = str(3 * place)


def all_hours(rows: Rows) -> None:
    for row in rows:
        row["gpu_hours"] = str(float(row["gpu_hours"]) * 20000 / 7000)


def fewer_experiments(run: Run) -> None:
    run.experiments = run.experiments[:1500]


def no_names_in_table(rows: Rows) -> None:
    for row in rows[2:40]:
        row["model"] = f"Other {row['model']}"


def every_architecture_a_row(rows: Rows) -> None:
    """Rows for all 106 display names that `one_name_each` gives."""
    base, first = rows[:2], rows[2]
    rows[:] = [*base, *({**first, "model": f"Name{index}"} for index in range(1, 107))]


def names_by_number(run: Run) -> None:
    for number, row in enumerate((r for r in run.experiments if r["in_gallery"]), 1):
        row["display_name"] = f"Name{number}"


def forest(run: Run) -> None:
    """A second root with a tenth of all experiments below it."""
    root = run.experiments[1]["index"]
    for row in run.experiments[1:178]:
        row["parent"] = None if row["index"] == root else root


def without_motivations(run: Run) -> None:
    for row in run.programs[:50]:
        row["motivation"] = None


def all_in_the_gallery(run: Run) -> None:
    """Every experiment but the root is of the gallery, with all that the release has of one."""
    program, curve = run.programs[0], [r for r in run.curves if r["index"] == run.programs[0]["index"]]
    values = [r for r in run.benchmarks if r["index"] == program["index"]]
    run.experiments = run.experiments[:4]
    run.programs, run.curves, run.benchmarks = [], [], []
    for row in run.experiments[1:]:
        row |= {"in_gallery": True, "has_program": True}
        run.programs.append({**program, "index": row["index"]})
        run.curves += [{**r, "index": row["index"]} for r in curve]
        run.benchmarks += [{**r, "index": row["index"]} for r in values]


def no_diagrams(run: Run) -> None:
    for row in run.programs[:20]:
        row["diagram"] = "not a picture"


def short_curves(run: Run) -> None:
    run.curves = [row for row in run.curves if row["step"] <= 1000]


def whole_suite(run: Run) -> None:
    fill_benchmarks(run)
    for index in sorted({row["index"] for row in run.benchmarks}):
        first = next(row for row in run.benchmarks if row["index"] == index)
        for column in ("squad", "openbookqa", "fda", "swde"):
            run.benchmarks.append({**first, "column": column, "value": 0.3})


def no_accuracies(run: Run) -> None:
    for row in run.benchmarks:
        if row["column"] == "boolq":
            row["value"] = None


def any_parent(run: Run) -> None:
    """Parents are among the worst so far."""
    worst = run.experiments[1]
    for place, row in enumerate(run.experiments):
        if place > 200:
            row["parent"] = worst["index"]
        worst = min(worst, row, key=lambda r: r["score"])


def scores_beyond_three(run: Run) -> None:
    for row in run.experiments:
        row["score"] *= 1.5


def gallery_best_at_both(run: Run) -> None:
    """The gallery leads by score, and every other experiment has worse results at 340M."""
    gallery_on_top(run)
    mend_curve(run)
    for row in [r for r in run.experiments if not r["in_gallery"]]:
        run.curves.append({**run.curves[0], "index": row["index"], "step": 2000, "loss": 3.9})
        for column in ("arc_challenge", "arc_easy", "boolq", "hellaswag", "piqa", "social_iqa", "winogrande"):
            run.benchmarks.append(
                {**run.benchmarks[0], "index": row["index"], "column": column, "value": 0.2}
            )


def gallery_behind_at_340m(run: Run) -> None:
    for row in run.curves:
        row["loss"] = 5.0


def hours_of_exploration(rows: Rows) -> None:
    for row in rows:
        row["gpu_hours"] = str(float(row["gpu_hours"]) * 10 / 7)


def too_many_hours(rows: Rows) -> None:
    for row in rows:
        row["gpu_hours"] = str(float(row["gpu_hours"]) * 5)


def bent_after_all(rows: Rows) -> None:
    """Nearly all finds in the second half."""
    accelerating(rows)


def other_losses(run: Run) -> None:
    for row in run.curves:
        row["loss"] = None if row["loss"] is None else row["loss"] + 0.1


def loses_everywhere(rows: Rows) -> None:
    for row in rows[2:]:
        row["train_loss_340m"], row["test_score_340m"] = "3.6000", "40.00"


def losing_release(run: Run) -> None:
    for row in run.curves:
        row["loss"] = 4.0


def baselines_far_ahead(rows: Rows) -> None:
    for row in rows:
        if row["origin"] == "human":
            for column in list(row)[2:]:
                row[column] = "5" if column.endswith("ppl") else "95"


def models_from_elsewhere(rows: Rows) -> None:
    for number, row in enumerate(rows):
        if row["origin"] == "discovered":
            row["model"] = f"Unheard {number}"


def the_five_in_the_gallery(run: Run) -> None:
    gallery = [row for row in run.experiments if row["in_gallery"]]
    taken = {"ContentSharpRouter", "FusionGatedFIRNet"}
    free = (row for row in gallery if row["display_name"] not in taken)
    for name in ("PathGateFusionNet", "HierGateNet", "AdaMultiPathGateNet"):
        next(free)["display_name"] = name


def a_filter_that_works(rows: Rows) -> None:
    """Half of the rows fail at 20M, and those are the ones behind at 340M, in the same order."""
    for place, row in enumerate(rows[2:]):
        good = place < 50
        row["train_loss_20m"], row["test_score_20m"] = (f"{(4.4 if good else 4.9) + place / 1000:.4f}",
                                                        f"{(38.0 if good else 35.0) - place / 100:.2f}")  # fmt: skip
        row["train_loss_340m"], row["test_score_340m"] = (f"{(3.4 if good else 3.6) + place / 1000:.4f}",
                                                          f"{(44.0 if good else 40.0) - place / 100:.2f}")  # fmt: skip


def a_filter_that_misleads(rows: Rows) -> None:
    """The rows that fail at 20M are the good ones at 340M."""
    a_filter_that_works(rows)
    for row in rows[2:]:
        row["train_loss_20m"] = f"{9 - float(row['train_loss_20m']):.4f}"
        row["test_score_20m"] = f"{73 - float(row['test_score_20m']):.2f}"


def far_larger(run: Run) -> None:
    for row in run.programs:
        row["parameters"] = 900_000_000


def growing_fast(run: Run) -> None:
    for place, row in enumerate(sorted(run.programs, key=lambda r: r["index"])):
        row["parameters"] = 400_000_000 + 3_000_000 * place


def gates_and_convolutions(run: Run) -> None:
    """Every motivation names both families and nothing else; later names outside are all different."""
    for row in run.programs:
        row["motivation"] = "A gate, and a convolution."
    for row in run.experiments:
        if row["in_gallery"]:
            row["display_name"] = "GateConv"
        else:
            row["display_name"] = (
                f"Net{'abcdefghij'[row['index'] % 10]}{'klmnopqrst'[row['index'] // 10 % 10]}x"
            )


def other_components(run: Run) -> None:
    """Motivations name entropy, and the gallery's names are the varied ones."""
    for row in run.programs:
        row["motivation"] = "Entropy and a floor."
    for row in run.experiments:
        letters = f"{'abcdefghij'[row['index'] % 10]}{'klmnopqrst'[row['index'] // 10 % 10]}"
        row["display_name"] = f"Net{letters}x" if row["in_gallery"] else "GateConv"


def weights_of_nothing(rows: Rows) -> None:
    """'All' is outside the other two."""
    model(rows, "All")["experience_pct"] = "50.0"
    model(rows, "All")["cognition_pct"] = "39.9"


def with_errors(rows: Rows) -> None:
    for row in rows:
        row["overall_stderr"] = "0.4"


def wrong_overall(rows: Rows) -> None:
    model(rows, "HierGateNet")["overall_average"] = "53.79"


def averages_of(rows: Rows, **points: float) -> None:
    """Every discovered model's averages that many points above DeltaNet's."""
    base = model(rows, "DeltaNet")
    for row in rows:
        if row["origin"] == "discovered":
            for column, lead in points.items():
                row[column] = f"{float(base[column]) + lead:.2f}"


def all_above(rows: Rows) -> None:
    averages_of(rows, dev_average=1, generalization_average=1, overall_average=1)


def all_below(rows: Rows) -> None:
    averages_of(rows, dev_average=-1, generalization_average=-1, overall_average=-1)


def nearly_three_times(rows: Rows) -> None:
    averages_of(rows, dev_average=0.97, generalization_average=0.97, overall_average=0.97)
    for column in ("dev_average", "generalization_average", "overall_average"):
        model(rows, "Mamba2")[column] = f"{float(model(rows, 'DeltaNet')[column]) + 0.34:.2f}"


def no_better_than_mamba(rows: Rows) -> None:
    averages_of(rows, dev_average=0.3, generalization_average=0.3, overall_average=0.3)


def one_leaves(run: Run) -> None:
    """The architecture whose curve breaks off leaves the gallery."""
    broken = next(row["index"] for row in run.curves if row["loss"] is None)
    row_of(run.experiments, broken)["in_gallery"] = False
    run.programs = [row for row in run.programs if row["index"] != broken]


def half_of_them_lose(run: Run) -> None:
    for row in run.curves:
        if row["index"] < 900:
            row["loss"] = 4.0
    for row in [r for r in run.experiments if r["in_gallery"]][:20]:
        row["in_gallery"] = False


def certain_candidates(run: Run) -> None:
    for place, row in enumerate(run.experiments):
        row["score"] = 2.75 if 0 < place <= 1350 else 0.9


def few_candidates(run: Run) -> None:
    for place, row in enumerate(run.experiments):
        row["score"] = 2.75 if 0 < place <= 100 else 0.9


def a_smaller_base(run: Run) -> None:
    run.cognition = run.cognition[:150]
    for number, row in enumerate(run.cognition):
        row["file"] = f"arxiv.org_abs_2405.{number % 100:05d}.json"


def of_340_million(run: Run) -> None:
    for row in run.programs:
        row["parameters"] = 340_000_000


def late_from(run: Run, early: float) -> None:
    """That share of the gallery after round 900 has a parent from before; the others descend from the root."""
    late = [row for row in run.experiments if row["index"] > 900]
    for row in late:
        row["parent"] = 1
    gallery = [row for row in late if row["in_gallery"]]
    for row in gallery[: round(early * len(gallery))]:
        row["parent"] = 500


def most_from_before(run: Run) -> None:
    late_from(run, 0.78)
    for row in run.experiments:
        if row["index"] > 900 and row["parent"] == 1 and row["in_gallery"]:
            row["parent"] = 901
    row_of(run.experiments, 901)["parent"] = 500


def none_from_before(run: Run) -> None:
    late_from(run, 0.0)


def other_shares(rows: Rows) -> None:
    model(rows, "All")["experience_pct"] = "30.0"


def others_at_both(rows: Rows) -> None:
    model(rows, "HierGateNet")["model"] = "AnotherNet"


def order_of_the_first(rows: Rows) -> None:
    order = ["DeltaNet", "Gated DeltaNet", "Mamba2", "AdaMultiPathGateNet", "HierGateNet", "FusionGatedFIRNet",
             "ContentSharpRouter", "PathGateFusionNet"]  # fmt: skip
    for place, name in enumerate(order):
        model(rows, name)["overall_average"] = f"{50 + place}"


def reverse_order(rows: Rows) -> None:
    order_of_the_first(rows)
    for row in rows:
        row["overall_average"] = f"{200 - float(row['overall_average'])}"


def gated_ahead(rows: Rows) -> None:
    for column in ("average", "dev_average"):
        if column in rows[0]:
            model(rows, "Gated DeltaNet")[column] = f"{float(model(rows, 'DeltaNet')[column]) + 3:.2f}"


def gated_behind(rows: Rows) -> None:
    for column in ("average", "dev_average"):
        if column in rows[0]:
            model(rows, "Gated DeltaNet")[column] = f"{float(model(rows, 'DeltaNet')[column]) - 3:.2f}"


CAUSAL = ("causality_perturbation", "causality_jacobian", "prefix_consistency")
LINEAR = ("flops_exponent", "elements_exponent", "memory_exponent")
BATCH = ("batch_independence", "batch_independence_train")
CERTIFIED = (*CAUSAL, *LINEAR, *BATCH)

# For each claim: data in which it is true, and data in which it is false.
CASES: dict[str, tuple[Case, Case]] = {
    "experiments": (Case(add_experiment), Case(fewer_experiments)),
    "gallery-size": (Case(), Case(copy_a_program)),
    "table2-complete": (
        Case(names_by_number, {TABLE2: every_architecture_a_row}),
        Case(tables={TABLE2: no_names_in_table}),
    ),
    "gallery-in-tree": (Case(), Case(move_a_program)),
    "one-tree": (Case(), Case(forest)),
    "traces-released": (Case(all_in_the_gallery), Case(without_motivations)),
    "diagrams": (Case(mend_diagram), Case(no_diagrams)),
    "curves-complete": (Case(mend_curve), Case(short_curves)),
    "benchmarks-complete": (Case(whole_suite), Case(no_accuracies)),
    "cold-start": (Case(), Case(early_parent)),
    "parent-policy": (Case(always_the_best), Case(any_parent)),
    "fitness-range": (Case(), Case(scores_beyond_three)),
    "gallery-is-top": (Case(gallery_best_at_both), Case(gallery_behind_at_340m)),
    "scaling-law": (Case(tables={FIGURE1: steady}), Case(tables={FIGURE1: accelerating})),
    "gpu-hours": (Case(tables={FIGURE1: hours_of_exploration}), Case(tables={FIGURE1: too_many_hours})),
    "table2-340m": (Case(mend_curve), Case(other_losses)),
    "table2-deltas": (Case(tables={TABLE2: mend_delta}), Case(tables={TABLE2: break_delta})),
    "stage1-filter": (Case(tables={TABLE2: mend_stage1}), Case()),
    "beats-baselines-340m": (Case(), Case(losing_release, {TABLE2: loses_everywhere})),
    "table1-averages": (Case(), Case(tables={TABLE1: wrong_average})),
    "table1-best": (Case(tables={TABLE1: five_far_ahead}), Case(tables={TABLE1: baselines_far_ahead})),
    "table1-in-gallery": (Case(the_five_in_the_gallery), Case(tables={TABLE1: models_from_elsewhere})),
    "top-five": (Case(tables={TABLE1: the_top_of_the_gallery}), Case()),
    "stage1-predicts": (
        Case(tables={TABLE2: a_filter_that_works}),
        Case(tables={TABLE2: a_filter_that_misleads}),
    ),
    "model-size": (Case(as_claimed_in_size, failing=()), Case(far_larger, failing=())),
    "no-size-growth": (Case(shrinking), Case(growing_fast)),
    "causal": (Case(failing=()), Case(failing=CAUSAL)),
    "sub-quadratic": (Case(failing=()), Case(failing=LINEAR)),
    "batch-independent": (Case(failing=()), Case(failing=BATCH)),
    "einops-only": (Case(without_view), Case()),
    "cognition-base": (Case(), Case(fewer_papers)),
    "table3-sums": (Case(), Case(tables={TABLE3: weights_of_nothing})),
    "experience-share": (Case(), Case(tables={TABLE3: less_experience})),
    "components": (Case(gates_and_convolutions), Case(other_components)),
    "evolve-uncertainty": (Case(tables={EVOLVE1: with_errors}), Case()),
    "evolve-averages": (Case(), Case(tables={EVOLVE1: wrong_overall})),
    "evolve-beats": (Case(tables={EVOLVE1: all_above}), Case(tables={EVOLVE1: all_below})),
    "evolve-margin": (
        Case(tables={EVOLVE1: nearly_three_times}),
        Case(tables={EVOLVE1: no_better_than_mamba}),
    ),
    "evolve-sota-count": (Case(one_leaves), Case(half_of_them_lose)),
    "evolve-candidates": (Case(certain_candidates), Case(few_candidates)),
    "evolve-cognition": (Case(a_smaller_base), Case()),
    "evolve-sampling": (Case(always_the_best), Case(any_parent)),
    "evolve-stages": (Case(of_340_million), Case(far_larger)),
    "evolve-both": (Case(tables={TABLE2: mend_stage1}), Case()),
    "evolve-causality": (Case(failing=()), Case(failing=CAUSAL)),
    "evolve-second-half": (Case(most_from_before), Case(none_from_before)),
    "evolve-provenance": (Case(), Case(tables={TABLE3: other_shares})),
    "evolve-same-five": (Case(), Case(tables={EVOLVE1: others_at_both})),
    "evolve-transfer": (Case(tables={EVOLVE1: order_of_the_first}), Case(tables={EVOLVE1: reverse_order})),
    "evolve-gated": (
        Case(tables={TABLE1: gated_ahead, EVOLVE1: gated_ahead}),
        Case(tables={TABLE1: gated_behind, EVOLVE1: gated_behind}),
    ),
}
