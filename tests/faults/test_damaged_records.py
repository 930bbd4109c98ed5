"""A number that a disk changed is an error and not another number: one changed digit in each kind of record."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asi_repro.errors import DataError
from faults.damage import KEPT

# A place in each record where one digit is another valid digit.
DIGITS = {
    "lab.jsonl": rb'"train_loss": \d\.(\d)',
    "journal": rb'"value": \{"text": "as it was", "value": (\d)',
    "llm.jsonl": rb'"output_tokens":1(\d)',
    "a run's settings.json": rb'"steepness": (\d)',
    "certificate": rb'"parameters_stated": (\d)',
}


@pytest.mark.parametrize("name", DIGITS)
def test_another_digit_is_refused(name: str, tmp_path: Path) -> None:
    kept = next(one for one in KEPT if one.name == name)
    assert kept.make is not None
    kept.make(tmp_path)
    sound = kept.read(tmp_path)
    path = next(tmp_path.glob(kept.pattern))
    data = path.read_bytes()
    at = re.search(DIGITS[name], data).start(1)
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with pytest.raises(
        DataError, match="not .*what was written|differs? from (the one|those) that (was|were) written"
    ):
        kept.read(tmp_path)
    path.write_bytes(data)
    assert kept.read(tmp_path) == sound


def test_lines_from_before_there_were_checksums_are_read(tmp_path: Path) -> None:
    from asi_repro.store.json_lines import append_line, read_lines

    path = tmp_path / "lines.jsonl"
    path.write_text('{"a": 1}\n')
    append_line(path, {"b": 2})
    assert read_lines(path) == [{"a": 1}, {"b": 2}]


def test_a_training_s_files_are_those_that_were_written(tmp_path: Path) -> None:
    from asi_repro.results.training import UNSUMMED
    from asi_repro.store.checksums import check_sums, write_sums

    (tmp_path / "result.json").write_text('{"loss": 1.5}')
    check_sums(tmp_path, hint="")  # from before there were any
    write_sums(tmp_path, but=UNSUMMED)
    check_sums(tmp_path, hint="")
    (tmp_path / "environment.json").write_text("{}")
    check_sums(tmp_path, hint="")
    (tmp_path / "result.json").write_text('{"loss": 1.4}')
    with pytest.raises(DataError, match=r"not the one that was written[\s\S]*result\.json"):
        check_sums(tmp_path, hint="")
    (tmp_path / "result.json").unlink()
    with pytest.raises(DataError, match="missing"):
        check_sums(tmp_path, hint="")


def test_a_checksum_that_lost_its_name_is_refused(tmp_path: Path) -> None:
    from asi_repro.store.json_lines import append_line, read_lines

    path = tmp_path / "lines.jsonl"
    append_line(path, {"a": 1})
    path.write_bytes(path.read_bytes().replace(b'"sum"', b'"cum"'))
    with pytest.raises(DataError, match="lost its name"):
        read_lines(path)


@pytest.mark.parametrize(
    "damaged", ["a word", 5, None, [], {"a": float("inf"), "sum": "0"}, {"a": 1, "sum": []}]
)
def test_what_nobody_wrote_with_a_checksum_is_refused(damaged: object) -> None:
    from asi_repro.store.checksums import checked, with_checksum

    assert checked(with_checksum({"a": 1.5}), "it is", where="", hint="") == {"a": 1.5}
    with pytest.raises(DataError, match="it is not"):
        checked(damaged, "it is", where="", hint="")
