"""Which rows the lineage has: against slow definitions, on trees of any shape."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from asi_repro.archive.lineage import Lineage
from asi_repro.archive.reader import Experiment
from asi_repro.tui.lineage_columns import ORDERS
from asi_repro.tui.lineage_rows import Outline


@st.composite
def forests(draw: st.DrawFn) -> Outline:
    count = draw(st.integers(1, 30))
    parents: dict[int, int | None] = {}
    for index in range(1, count + 1):
        parents[index] = draw(st.none() | st.integers(1, index - 1)) if index > 1 else None
    lineage = Lineage(parents)
    experiments = {
        index: Experiment(
            index=index,
            name=f"mixer_{draw(st.sampled_from('abc'))}",
            display_name=None,
            parent=parent,
            depth=lineage.depth(index),
            children=len(lineage.children(index)),
            score=draw(st.none() | st.floats(0, 3)),
            in_gallery=draw(st.booleans()),
            has_program=False,
        )
        for index, parent in parents.items()
    }
    return Outline(experiments, lineage)


def _expected(outline: Outline, shown: set[int]) -> list[int]:
    """Depth first in the chosen order, through open rows only, of what leads to a match."""
    values = outline.values.of(outline.order)
    sign = -1 if outline.descending else 1

    def key(e: Experiment) -> tuple[object, ...]:
        value = values.get(e.index)
        if value is None:
            return (1, 0, e.index)
        return (0, sign * value if isinstance(value, int | float) else value, e.index)

    kept = {i for one in shown for i in (one, *outline.lineage.ancestors(one))}
    rows: list[int] = []

    def visit(indices: list[int]) -> None:
        for e in sorted((outline.experiments[i] for i in indices if i in kept), key=key):
            rows.append(e.index)
            if e.index in outline.opened:
                visit(outline.lineage.children(e.index))

    visit(outline.lineage.roots)
    return rows


@settings(max_examples=60, deadline=None)
@given(
    forests(),
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=12),
    st.sampled_from(sorted(ORDERS)),
    st.booleans(),
)
def test_folding_row_by_row_is_laying_out_anew(
    outline: Outline, steps: list[tuple[int, bool]], order: str, descending: bool
) -> None:
    outline.order, outline.descending = order, descending and order != "name"
    outline.rebuild()
    for place, opened in steps:
        index = outline.rows[place % len(outline.rows)]
        outline.set_open(index, opened)
        assert outline.rows == _expected(outline, set(outline.experiments))
        guides = [outline.row(n).guides for n in range(len(outline.rows))]
        outline.rebuild()
        assert guides == [outline.row(n).guides for n in range(len(outline.rows))]


@settings(max_examples=60, deadline=None)
@given(forests(), st.sets(st.integers(1, 30)), st.sampled_from(sorted(ORDERS)))
def test_a_filter_shows_matches_and_what_leads_to_them(
    outline: Outline, wanted: set[int], order: str
) -> None:
    matches = [e for e in outline.experiments.values() if e.index in wanted]
    outline.order = order
    outline.filter(matches)
    found = {e.index for e in matches}
    assert outline.rows == _expected(outline, found)
    assert found <= set(outline.rows)
    for place, index in enumerate(outline.rows):
        assert outline.row(place).matches == (index in found)
    outline.filter(matches, keep=1)
    assert outline.rows == _expected(outline, found | {1}), "what is looked at stays"
    assert outline.row(outline.place(1) or 0).matches == (1 in found)
    outline.flat = True
    outline.rebuild()
    assert set(outline.rows) == found | {1}
    outline.filter(None)
    assert set(outline.rows) == set(outline.experiments)


@given(forests(), st.integers(1, 30))
def test_reveal_opens_what_hides_it(outline: Outline, wanted: int) -> None:
    index = min(wanted, len(outline.experiments))
    outline.close_all()
    outline.opened.clear()
    outline.rebuild()
    assert outline.reveal(index)
    assert outline.rows[outline.place(index) or 0] == index
    assert outline.nearest(index) == outline.place(index)


@given(forests())
def test_columns_against_their_definitions(outline: Outline) -> None:
    lineage, experiments = outline.lineage, outline.experiments
    for index, e in experiments.items():
        below = [experiments[i] for i in lineage.walk([index]) if i != index]
        assert outline.values.of("stars").get(index) == (sum(b.in_gallery for b in below) or None)
        assert outline.values.of("best")[index] == max(
            (b.score for b in below if b.score is not None), default=None
        )
        above = None if e.parent is None else experiments[e.parent].score
        known = e.score is not None and above is not None
        assert outline.values.of("change")[index] == (e.score - above if known else None)  # type: ignore[operator]
