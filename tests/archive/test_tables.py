"""The archive's tables: what they hold, byte for byte, and who can open them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from synthetic_release import write_synthetic_release

from asi_repro.archive.manifest import release_manifest
from asi_repro.archive.reader import Archive
from asi_repro.archive.release import read_release
from asi_repro.archive.schema import TABLES
from asi_repro.archive.tables import (
    build_table,
    read_parquet,
    read_table,
    write_archive,
    write_parquet,
)
from asi_repro.errors import DataError, MissingInput, NotFound


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    write_synthetic_release(folder, 300)
    return folder


@pytest.fixture
def archive(release: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    write_archive(read_release(release), folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_every_table_has_its_schema_and_describes_each_column(archive: Path) -> None:
    assert {p.stem for p in archive.iterdir()} == set(TABLES)
    for name, schema in TABLES.items():
        found = pq.read_schema(archive / f"{name}.parquet")
        assert found.equals(schema)
        for field in found:
            assert field.metadata[b"description"], field.name
        codecs = {
            pq.ParquetFile(archive / f"{name}.parquet").metadata.row_group(0).column(i).compression
            for i in range(len(schema))
        }
        assert codecs == {"ZSTD"}


def test_the_same_release_gives_the_same_bytes_in_another_process(
    release: Path, archive: Path, tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from asi_repro.archive.release import read_release; "
        "from asi_repro.archive.tables import write_archive; "
        "write_archive(read_release(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    again = tmp_path / "again"
    subprocess.run(
        [sys.executable, "-c", code, str(release), str(again)],
        check=True,
        cwd=Path(__file__).resolve().parents[2],
        env={"PYTHONHASHSEED": "1", "PATH": "/usr/bin:/bin"},
    )
    assert contents(again) == contents(archive)


def test_rewriting_replaces_the_whole_folder(release: Path, archive: Path) -> None:
    before = contents(archive)
    (archive / "stray.parquet").write_bytes(b"")
    write_archive(read_release(release), archive)
    assert contents(archive) == before
    assert [p.name for p in archive.parent.iterdir() if p.name.startswith(".")] == []


def test_opens_in_pandas(archive: Path) -> None:
    import pandas as pd

    frame = pd.read_parquet(archive / "experiments.parquet")
    assert len(frame) == 300
    assert frame["parent"].isna().sum() == 1
    assert frame.loc[frame["in_gallery"], "score"].min() >= frame.loc[~frame["in_gallery"], "score"].max()


def test_opens_in_duckdb(archive: Path) -> None:
    import duckdb

    rows = duckdb.sql(
        f"select e.name, count(*) from '{archive}/experiments.parquet' e "
        f"join '{archive}/curves.parquet' c using (index) group by e.name, e.index"
    ).fetchall()
    assert len(rows) == 8
    assert {count for _, count in rows} == {6}


def test_opens_in_datasets(archive: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    for name in TABLES:
        table = load_dataset(
            "parquet",
            data_files=str(archive / f"{name}.parquet"),
            split="train",
            cache_dir=str(tmp_path / "hf"),
        )
        assert table.num_rows == pq.read_metadata(archive / f"{name}.parquet").num_rows


def test_a_damaged_table_is_one_clear_error(archive: Path) -> None:
    path = archive / "experiments.parquet"
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"PAR1" + whole[4:-8] + b"\0" * 4 + b"PAR1"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="dvc repro --force archive"):
            read_table(path, "experiments")
    path.unlink()
    with pytest.raises(MissingInput, match="dvc repro"):
        Archive(archive)


def test_another_schema_version_is_refused(archive: Path) -> None:
    path = archive / "curves.parquet"
    table = pq.read_table(path)
    newer = {**(table.schema.metadata or {}), b"asi_repro.schema_version": b"99"}
    pq.write_table(table.replace_schema_metadata(newer), path)
    with pytest.raises(DataError, match="version 99"):
        read_table(path, "curves")


def test_values_that_do_not_fit_are_refused() -> None:
    row = {"index": 1, "step": 1, "loss": 1.0}
    for change in ({"index": 2**40}, {"step": "1"}, {"step": None}):
        with pytest.raises(DataError, match="table curves"):
            build_table("curves", [{**row, **change}])
    with pytest.raises(DataError, match="loss"):
        build_table("curves", [{"index": 1, "step": 1}])


def test_finding_experiments(archive: Path) -> None:
    store = Archive(archive)
    first = store.get(1)
    assert (first.parent, first.depth) == (None, 0)
    assert store.find("1") == first
    with pytest.raises(NotFound, match="nearest: 19, 21"):
        store.get(20)
    with pytest.raises(NotFound, match="similar"):
        store.find("GateMemoryNett")
    repeated = next(e for e in store.experiments.values() if len(store.named(e.name)) > 1)
    with pytest.raises(NotFound, match="give the index"):
        store.find(repeated.name)


def test_lineage_agrees_with_the_parents(archive: Path) -> None:
    store = Archive(archive)
    for experiment in store.experiments.values():
        path = store.lineage.ancestors(experiment.index)
        assert len(path) == experiment.depth
        assert experiment.children == len(store.lineage.children(experiment.index))
        nearest = store.nearest_program_ancestor(experiment.index)
        with_program = [i for i in path if store.get(i).has_program]
        assert nearest == (with_program[0] if with_program else None)
    assert [*store.lineage.walk()] == [1, *store.lineage.descendants(1)]


def test_the_real_release(release_dir: Path, tmp_path: Path) -> None:
    manifest = release_manifest()
    run = read_release(release_dir, url=manifest.url, commit=manifest.commit)
    counts = write_archive(run, tmp_path / "archive")
    records = sum(f.records for f in manifest.files if f.path.startswith("cognition"))
    assert counts["experiments"] == 1772
    assert counts["programs"] == 106
    assert counts["cognition"] == records == 230
    assert counts["sources"] == len(manifest.files) == 100
    store = Archive(tmp_path / "archive")
    curves = store.table("curves")
    # Experiment 562's run became NaN after step 300: 17 values that must be null, not NaN.
    assert curves["loss"].null_count == 17
    assert pc.sum(pc.is_nan(curves["loss"])).as_py() == 0
    assert set(curves.filter(pc.is_null(curves["loss"]))["index"].to_pylist()) == {562}
    for column in (c for schema in TABLES.values() for c in schema if pa.types.is_string(c.type)):
        assert column.name
    for name, schema in TABLES.items():
        for column in schema:
            if pa.types.is_string(column.type):
                values = store.table(name)[column.name].to_pylist()
                assert "nan" not in {v.lower() for v in values if v is not None}


@pytest.mark.parametrize("name", TABLES)
def test_a_flipped_bit_is_an_error_and_never_another_value(archive: Path, name: str) -> None:
    """Without checksums a page with one flipped bit was read as other values one time in five."""
    import random

    path = archive / f"{name}.parquet"
    whole, good = path.read_bytes(), read_table(path, name)
    draw = random.Random(name)
    refused = 0
    for _ in range(40):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            assert read_table(path, name).equals(good)  # what nobody reads: padding, statistics
        except DataError:
            refused += 1
    assert refused > 10


def test_single_rows_are_read_from_their_row_groups_alone(tmp_path: Path) -> None:
    table = pa.table({"key": [n % 40 for n in range(1000)], "text": [str(n) for n in range(1000)]})
    path = tmp_path / "table.parquet"
    write_parquet(table, path, group=100)
    wanted = {3, 17}
    found = read_parquet(path, only=("key", wanted))
    assert found.equals(table.filter(pc.is_in(table["key"], pa.array(sorted(wanted)))))
    assert read_parquet(path, ["text"], only=("key", {40})).schema.names == ["text"]
    write_parquet(pa.table({"key": range(1000), "text": [str(n) for n in range(1000)]}), path, group=100)
    damaged = bytearray(path.read_bytes())
    damaged[pq.ParquetFile(path).metadata.row_group(9).column(1).dictionary_page_offset + 40] ^= 1
    path.write_bytes(damaged)
    assert read_parquet(path, only=("key", {5}))["text"].to_pylist() == ["5"], "a group without it was read"
    with pytest.raises(DataError, match="damaged"):
        read_parquet(path, only=("key", {950}))
