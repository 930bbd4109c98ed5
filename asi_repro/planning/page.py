"""One page with the tables, the curves, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from asi_repro.planning.figure import plan_drawing
from asi_repro.planning.tables import Plan, plan_markdown
from asi_repro.report.drawing import render
from asi_repro.store.files import atomic_write


def picture_of(page: Path) -> Path:
    """Where a page's picture goes: images/NAME.png beside it."""
    return page.parent / "images" / f"{page.stem}.png"


def write_page(plan: Plan, page: Path, command: str) -> None:
    """Write the page, and its picture beside it.

    Args:
        command: that makes it again, for the reader.
    """
    picture = picture_of(page)
    drawing = plan_drawing(plan)
    atomic_write(picture, render(drawing).png)
    image = f"![{drawing.alt}]({picture.relative_to(page.parent)})"
    atomic_write(page, page_text(plan, image, command))


def page_text(plan: Plan, image: str, command: str) -> str:
    """The page as Markdown."""
    parts = (
        "# What it would take",
        f"Made with `{command}`; do not edit. "
        "Nothing here was run on a GPU: it is the drivers' own code on a virtual clock, with the assumptions "
        "below. Change one with `--assume NAME=NUMBER`.",
        image,
        "\n".join(f"- {line}" for line in _findings(plan)),
        "## Numbers",
        plan_markdown(plan),
        "## What is in it, and what is not",
        _LIMITS,
    )
    return "\n\n".join(parts) + "\n"


def _findings(plan: Plan) -> Iterator[str]:
    first, batch = plan.searches[0], plan.wanted.batch
    good = [one for one in plan.searches if one.per_thousand_gpu_hours >= 0.9 * first.per_thousand_gpu_hours]
    most, last = good[-1], plan.searches[-1]
    shortest = min(one.days for one in plan.searches)
    enough = next(one for one in plan.searches if one.days <= 1.1 * shortest)
    yield (
        f"Up to {most.workers} workers a GPU hour finds at least 90% of what it finds with "
        f"{first.workers}: {most.per_thousand_gpu_hours:.1f} against {first.per_thousand_gpu_hours:.1f} "
        f"discoveries per 1,000, in {most.days:,.0f} days in place of {first.days:,.0f}."
    )
    yield (
        f"The run gets hardly shorter past {enough.workers} workers ({enough.days:.1f} days, at best "
        f"{shortest:.1f}): after the cold start a batch of {batch} has no work for more than {batch}. With "
        f"{last.workers} workers "
        f"{last.waiting_for_batch:.0%} of the GPU hours are waiting, and each discovery costs "
        f"{first.per_thousand_gpu_hours / last.per_thousand_gpu_hours:.1f} times as much."
    )
    yield (
        "Workers change when an experiment runs, not what it knows of, and so not what the run finds. The "
        "size of the batch does change what experiments know of; what that does to the rate of discoveries "
        "was not measured, and the curves of other batches assume the same rate."
    )
    small, large = plan.sweeps[0], plan.sweeps[-1]
    yield (
        f"All {len(plan.times.hours)} architectures at 340M take {small.hours:,.0f} hours and "
        f"US$ {small.dollars:,.0f} on {small.gpus} GPUs, {large.hours:.1f} hours and "
        f"US$ {large.dollars:,.0f} on {large.gpus}: there {large.waiting_for_reference:.0%} of the GPU hours "
        "wait for DeltaNet, which trains first because the leak guard compares with it."
    )


_LIMITS = """\
- **In it**: the sweep's driver (DeltaNet first, then the longest first), the loop's plan (cold start,
  batches, barriers), the spread of times between architectures, GPUs that are paid for while they wait.
- **Not in it**: queues, failures and restarts, loading of data, compilation, limits and prices of an LLM
  service, discounts. The second stage of a discovery run (the paper's other 10,000 GPU hours) is not in its
  table.
- **The spread** is from a CPU, by default from small models and short sequences. On a GPU and at 340M it
  may be wider, and the longest of a batch decides how long the others wait: a wider spread moves the curves
  down from a few workers on."""
