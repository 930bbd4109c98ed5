"""The archive's tables, column by column.

Each column's meaning is kept in the Parquet field's metadata too, so a table explains itself.
A missing value is a null: never a 'nan' string, a NaN or a zero.
"""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = "1"
VERSION_KEY = b"asi_repro.schema_version"


def _column(name: str, kind: pa.DataType, description: str, *, null: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=null, metadata={b"description": description.encode()})


def _table(description: str, *columns: pa.Field) -> pa.Schema:
    return pa.schema(
        columns, metadata={VERSION_KEY: SCHEMA_VERSION.encode(), b"description": description.encode()}
    )


EXPERIMENTS = _table(
    "One row an experiment, in index order.",
    _column("index", pa.int32(), "Key of the experiment; names repeat, indices do not."),
    _column("name", pa.string(), "Name the program gave itself."),
    _column("display_name", pa.string(), "Name shown in the paper's figures and tables.", null=True),
    _column("parent", pa.int32(), "Index of the parent experiment; null for the root.", null=True),
    _column("depth", pa.int32(), "Steps from the root, which has depth 0."),
    _column("children", pa.int32(), "Number of experiments whose parent this is."),
    _column("score", pa.float64(), "Score as recorded by the run.", null=True),
    _column("in_gallery", pa.bool_(), "Whether it is one of the released, verified architectures."),
    _column("has_program", pa.bool_(), "Whether its program was released."),
)

PROGRAMS = _table(
    "One row an architecture: an experiment whose program is there.",
    _column("index", pa.int32(), "Experiment index."),
    _column("name", pa.string(), "Experiment name, as the file of programs states it."),
    _column("display_name", pa.string(), "Display name, as that file states it.", null=True),
    _column("parent", pa.int32(), "Parent index, as that file states it.", null=True),
    _column("score", pa.float64(), "Score, as that file states it.", null=True),
    _column("source", pa.string(), "The program, Python source."),
    _column("sha256", pa.string(), "SHA-256 of the source in UTF-8."),
    _column("lines", pa.int32(), "Lines of source."),
    _column("motivation", pa.string(), "Why the Researcher proposed it.", null=True),
    _column("summary", pa.string(), "One-sentence summary.", null=True),
    _column("diagram", pa.string(), "Diagram as SVG text, untrusted: sanitise before showing.", null=True),
    _column("parameters_stated", pa.string(), "Parameter count as the release prints it.", null=True),
    _column("parameters", pa.int64(), "The stated parameter count as a number.", null=True),
)

CURVES = _table(
    "Training loss, one row a logged step.",
    _column("index", pa.int32(), "Experiment index."),
    _column("step", pa.int32(), "Optimizer step, from 1."),
    _column("loss", pa.float64(), "Training loss in nats per token; null where it was NaN.", null=True),
)

BENCHMARKS = _table(
    "Benchmark values, one row an experiment, task and metric.",
    _column("index", pa.int32(), "Experiment index."),
    _column("column", pa.string(), "Column name in the source."),
    _column("task", pa.string(), "Task name as lm-evaluation-harness has it; 'average' for the mean."),
    _column("metric", pa.string(), "accuracy (0 to 1), perplexity, or mean."),
    _column("value", pa.float64(), "The value; null where the source has NaN or nothing.", null=True),
)

COGNITION = _table(
    "Cognition base: one row an entry distilled from a paper.",
    _column("id", pa.string(), "File stem and position, such as arxiv.org_abs_1706.03762#0."),
    _column("file", pa.string(), "File it stands in."),
    _column("position", pa.int32(), "Position in that file, from 0."),
    _column("design_insight", pa.string(), "The insight."),
    _column("experimental_trigger_patterns", pa.string(), "When to recall it; the field retrieval matches."),
    _column("background", pa.string(), "Paper and historical context."),
    _column("algorithmic_innovation", pa.string(), "What the mechanism is."),
    _column("implementation_guidance", pa.string(), "How to apply it."),
)

SOURCES = _table(
    "Files the archive was made from.",
    _column("file", pa.string(), "Path in the source."),
    _column("sha256", pa.string(), "SHA-256 of its bytes."),
    _column("bytes", pa.int64(), "Size."),
    _column("records", pa.int32(), "Records read from it."),
    _column("url", pa.string(), "Where it was published; null for a run of our own.", null=True),
    _column("commit", pa.string(), "Git commit it was published in.", null=True),
)

TABLES: dict[str, pa.Schema] = {
    "experiments": EXPERIMENTS,
    "programs": PROGRAMS,
    "curves": CURVES,
    "benchmarks": BENCHMARKS,
    "cognition": COGNITION,
    "sources": SOURCES,
}
