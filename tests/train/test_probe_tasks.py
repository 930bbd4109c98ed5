"""The synthetic tasks: what they ask is right by another way of answering, and no test is in a training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asi_repro.data.probe_tasks import NOT_ASKED, PROBES, find_probe
from asi_repro.errors import NotFound

COUNT = 40
seeds = st.integers(0, 2**31 - 1)


def right_answers(name: str, tokens: list[int]) -> dict[int, list[int]]:
    """The answers by position, from the tokens alone, one token at a time as a person would."""
    if name in ("recall", "noisy_recall"):
        known, answers, place = {}, {}, 0
        while place < len(tokens):
            key = tokens[place]
            if key >= 32:  # noise
                place += 1
                continue
            if key in known:
                answers[place] = [known[key]]
            known[key] = tokens[place + 1]
            place += 2
        return answers
    if name == "selective_copying":
        data = [token for token in tokens if token < 16]
        first = tokens.index(17)
        assert len(data) == len(tokens) - first
        return {first + number: [token] for number, token in enumerate(data)}
    if name == "parity":
        return {place: [sum(tokens[: place + 1]) % 2] for place in range(len(tokens))}
    if name == "memorisation":
        return {place: [tokens[place + 1]] for place in range(1, len(tokens), 3)}
    return {len(tokens) - 1: tokens[:-1]}


def asked(answers: np.ndarray) -> dict[int, list[int]]:
    return {place: row.tolist() for place, row in enumerate(answers) if (row != NOT_ASKED).any()}


@pytest.mark.parametrize("name", PROBES)
@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_what_is_asked_follows_from_the_tokens(name, seed):
    task = PROBES[name]
    tokens, answers = task.train(seed, COUNT)
    assert tokens.shape == (COUNT, task.length)
    assert answers.shape == (COUNT, task.length, task.slots)
    assert tokens.min() >= 0
    assert tokens.max() < task.vocabulary
    assert answers.max() < task.columns // task.slots
    for row, said in zip(tokens.tolist(), answers, strict=True):
        assert asked(said) == right_answers(name, row)


@pytest.mark.parametrize("name", PROBES)
@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_the_same_seed_gives_the_same_and_no_test_is_in_a_training(name, seed):
    task = PROBES[name]
    training, again = task.train(seed, 600), task.train(seed, 300)
    assert np.array_equal(training.tokens[:300], again.tokens)
    assert np.array_equal(training.answers[:300], again.answers)
    assert not np.array_equal(training.tokens, task.train(seed + 1, 600).tokens)
    test = task.test(300)
    known = {row.tobytes() for row in training.tokens}
    assert not known & {row[: task.length].tobytes() for row in test.tokens}


def test_the_test_of_parity_counts_only_what_is_longer_than_the_training():
    task = PROBES["parity"]
    test = task.test(50)
    assert test.tokens.shape == (50, 64)
    places = (test.answers != NOT_ASKED).any(axis=(0, 2)).nonzero()[0]
    assert places.tolist() == list(range(task.length, 64))


def test_facts_are_the_same_in_training_and_test():
    task = PROBES["memorisation"]

    def facts(sequences):
        triples = sequences.tokens.reshape(-1, 3)
        return {(a, b): value for a, b, value in triples.tolist()}

    training, test = facts(task.train(0, 2000)), facts(task.test(256))
    assert len(training) == 256
    assert test.items() <= training.items()


@pytest.mark.parametrize("name", PROBES)
def test_a_guess_scores_chance(name):
    task = PROBES[name]
    answers = task.test(256).answers
    right = answers[answers != NOT_ASKED]
    lowest = int(right.min())
    draw = np.random.default_rng(1)
    guesses = draw.integers(lowest, lowest + task.choices, size=(200, len(right)))
    rates = (guesses == right).mean(axis=1)
    assert abs(rates.mean() - task.chance) < 5 * rates.std() / len(rates) ** 0.5
    # No single answer does much better: the most common one is about as common as all others.
    most = np.bincount(right).max() / len(right)
    assert most < task.chance + 6 * (task.chance / len(right)) ** 0.5


def test_an_unknown_probe_is_named():
    with pytest.raises(NotFound, match="S5"):
        find_probe("S5")
