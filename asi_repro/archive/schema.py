"""The archive's tables, column by column.

Each column's meaning is kept in the Parquet field's metadata too, so a table explains itself.
A missing value is a null: never a 'nan' string, a NaN or a zero.
"""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = "1"
VERSION_KEY = b"asi_repro.schema_version"


def column(name: str, kind: pa.DataType, description: str, *, null: bool = False) -> pa.Field:
    """A column with what it holds."""
    return pa.field(name, kind, nullable=null, metadata={b"description": description.encode()})


def table(description: str, *columns: pa.Field, version: str = SCHEMA_VERSION) -> pa.Schema:
    """A table's schema; see `column`."""
    return pa.schema(columns, metadata={VERSION_KEY: version.encode(), b"description": description.encode()})


EXPERIMENTS = table(
    "One row an experiment, in index order.",
    column("index", pa.int32(), "Key of the experiment; names repeat, indices do not."),
    column("name", pa.string(), "Name the program gave itself."),
    column("display_name", pa.string(), "Name shown in the paper's figures and tables.", null=True),
    column("parent", pa.int32(), "Index of the parent experiment; null for the root.", null=True),
    column("depth", pa.int32(), "Steps from the root, which has depth 0."),
    column("children", pa.int32(), "Number of experiments whose parent this is."),
    column("score", pa.float64(), "Score as recorded by the run.", null=True),
    column("in_gallery", pa.bool_(), "Whether it is one of the released, verified architectures."),
    column("has_program", pa.bool_(), "Whether its program was released."),
)

PROGRAMS = table(
    "One row an architecture: an experiment whose program is there.",
    column("index", pa.int32(), "Experiment index."),
    column("name", pa.string(), "Experiment name, as the file of programs states it."),
    column("display_name", pa.string(), "Display name, as that file states it.", null=True),
    column("parent", pa.int32(), "Parent index, as that file states it.", null=True),
    column("score", pa.float64(), "Score, as that file states it.", null=True),
    column("source", pa.string(), "The program, Python source."),
    column("sha256", pa.string(), "SHA-256 of the source in UTF-8."),
    column("lines", pa.int32(), "Lines of source."),
    column("motivation", pa.string(), "Why the Researcher proposed it.", null=True),
    column("summary", pa.string(), "One-sentence summary.", null=True),
    column("diagram", pa.string(), "Diagram as SVG text, untrusted: sanitise before showing.", null=True),
    column("parameters_stated", pa.string(), "Parameter count as the release prints it.", null=True),
    column("parameters", pa.int64(), "The stated parameter count as a number.", null=True),
)

CURVES = table(
    "Training loss, one row a logged step.",
    column("index", pa.int32(), "Experiment index."),
    column("step", pa.int32(), "Optimizer step, from 1."),
    column("loss", pa.float64(), "Training loss in nats per token; null where it was NaN.", null=True),
)

BENCHMARKS = table(
    "Benchmark values, one row an experiment, task and metric.",
    column("index", pa.int32(), "Experiment index."),
    column("column", pa.string(), "Column name in the source."),
    column("task", pa.string(), "Task name as lm-evaluation-harness has it; 'average' for the mean."),
    column("metric", pa.string(), "accuracy (0 to 1), perplexity, or mean."),
    column("value", pa.float64(), "The value; null where the source has NaN or nothing.", null=True),
)

COGNITION = table(
    "Cognition base: one row an entry distilled from a paper.",
    column("id", pa.string(), "File stem and position, such as arxiv.org_abs_1706.03762#0."),
    column("file", pa.string(), "File it stands in."),
    column("position", pa.int32(), "Position in that file, from 0."),
    column("design_insight", pa.string(), "The insight."),
    column("experimental_trigger_patterns", pa.string(), "When to recall it; the field retrieval matches."),
    column("background", pa.string(), "Paper and historical context."),
    column("algorithmic_innovation", pa.string(), "What the mechanism is."),
    column("implementation_guidance", pa.string(), "How to apply it."),
)

SOURCES = table(
    "Files the archive was made from.",
    column("file", pa.string(), "Path in the source."),
    column("sha256", pa.string(), "SHA-256 of its bytes."),
    column("bytes", pa.int64(), "Size."),
    column("records", pa.int32(), "Records read from it."),
    column("url", pa.string(), "Where it was published; null for a run of our own.", null=True),
    column("commit", pa.string(), "Git commit it was published in.", null=True),
)

TABLES: dict[str, pa.Schema] = {
    "experiments": EXPERIMENTS,
    "programs": PROGRAMS,
    "curves": CURVES,
    "benchmarks": BENCHMARKS,
    "cognition": COGNITION,
    "sources": SOURCES,
}
