"""How many items the benchmarks have that the paper's test score is the mean of."""

from __future__ import annotations

# The release's tasks without LAMBADA, with the items of the split that lm-evaluation-harness scores.
SCORED = {
    "arc_challenge": 1172,
    "arc_easy": 2376,
    "boolq": 3270,
    "hellaswag": 10042,
    "piqa": 1838,
    "social_iqa": 1954,
    "winogrande": 1267,
}
# BoolQ's validation split: answers that are yes, the most common one.
BOOLQ_YES = 2033
