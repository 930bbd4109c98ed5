"""Reading and editing programs as source."""

from __future__ import annotations

import ast
import inspect

import pytest
from operator_runs import FOREIGN

from asi_repro.discover.operators.calls import Call, read_call, write_call
from asi_repro.discover.operators.catalogue import BLOCKS, PART_KINDS
from asi_repro.discover.operators.errors import NotLibraryForm
from asi_repro.discover.operators.imports import Binding, merged, write_imports
from asi_repro.discover.operators.library import library, seed_program, with_classes
from asi_repro.discover.operators.source import MAIN, normalised_ast, read_source, renamed
from asi_repro.errors import DataError


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_every_block_of_the_catalogue_is_in_the_library_with_its_arguments(block) -> None:
    node = ast.parse(library().defined[block.name].text).body[0]
    inits = [m for m in node.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"]
    accepted = [a.arg for a in inits[0].args.args[1:]] if inits else []
    given = [key for key, _ in block.hypers] + list(block.parts)
    if block.name == "AdoptedPath":
        given = ["mixer"]
    assert accepted == [*block.positional, *given]
    for _, values in block.hypers:
        assert len(set(values)) == len(values)
    assert set(block.parts) <= set(PART_KINDS)


def test_a_program_is_read_and_written_back_to_the_letter() -> None:
    text = seed_program()
    assert read_source(text).text == text
    foreign = read_source(FOREIGN)
    assert normalised_ast(foreign.text) == normalised_ast(FOREIGN)
    assert not foreign.is_library_form


def test_changing_one_slot_leaves_every_other_line() -> None:
    source = read_source(seed_program())
    old = source.slots["paths"][0]
    child = source.with_slots({"paths": (old.with_keyword("chunk", "64"),)})
    before, after = source.text.splitlines(), child.text.splitlines()
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert [(a.strip(), b.strip()) for a, b in changed] == [("chunk=32,", "chunk=64,")]


def test_a_class_nobody_knows_is_kept_whole_and_what_nobody_uses_goes() -> None:
    own = (
        "class Own(nn.Module):\n    # odd  spacing stays\n    def forward(self, x):\n        return  x\n\n\n"
    )
    unused = "class Unused(nn.Module):\n    pass\n\n\n"
    text = seed_program().replace("class DeltaNet", own + unused + "class DeltaNet")
    source = read_source(text)
    child = source.with_slots({"stem": (Call("Own"),)}).tidied()
    assert own.strip() in child.text
    assert "Unused" not in child.text
    assert "NoStem" not in child.text
    assert child.slots["stem"] == (Call("Own"),)


def test_code_that_differs_comes_in_under_another_name_with_all_that_uses_it() -> None:
    changed = read_source(seed_program().replace("v = F.silu(", "v = F.gelu("))
    both, names = with_classes(changed, ["DeltaRule"], library())
    assert names == {"DeltaRule": "DeltaRule_2", "Projections": "Projections_2"}
    assert "self.project = Projections_2(" in both.defined["DeltaRule_2"].text
    assert "F.gelu" in both.defined["Projections"].text
    assert "F.silu" in both.defined["Projections_2"].text
    again, same = with_classes(both, ["DeltaRule"], library())
    assert (again.text, same) == (both.text, names)


def test_equal_code_is_shared() -> None:
    source = read_source(seed_program())
    both, names = with_classes(source, ["DeltaRule"], library())
    assert (both.text, names) == (source.text, {})


def test_renaming_leaves_attributes_and_strings() -> None:
    assert renamed('x.A = A("A")  # A', {"A": "B"}) == 'x.A = B("A")  # A'


def test_normalised_ast_ignores_layout_comments_and_docstrings_only() -> None:
    text = 'def f(x):\n    """One."""\n    return x + 1\n'
    assert normalised_ast(text) == normalised_ast("def f(x):  # two\n    return (x+1)\n")
    assert normalised_ast(text) != normalised_ast(text.replace("1", "2"))


def test_imports_that_disagree_are_refused() -> None:
    own = [Binding("itertools", "repeat", "repeat")]
    with pytest.raises(NotLibraryForm, match="repeat is itertools.repeat"):
        merged(own, [Binding("einops", "repeat", "repeat")], "repeat(x)")
    alike = [Binding("torch.nn.functional", "", "F"), Binding("torch.nn", "functional", "F")]
    assert write_imports(merged(alike[:1], alike[1:], "F.silu")) == "import torch.nn.functional as F"


def test_calls_are_laid_out_by_their_length() -> None:
    call = read_call(ast.parse("Name(width, kernel_size=4, part=Inner(width, start=0.5))", mode="eval").body)
    assert call is not None
    assert isinstance(call.get("part"), Call)
    assert write_call(call, 8, before="self.x = ") == [f"        self.x = {call}"]
    wide = write_call(call, 60)
    assert [line.strip() for line in wide] == ["Name(", str(call)[5:-1], ")"] or len(wide) > 3
    assert max(map(len, wide)) <= 110


def test_text_that_is_no_python_is_an_error_of_its_own() -> None:
    with pytest.raises(DataError, match="does not parse"):
        read_source("class DeltaNet(:\n")
    with pytest.raises(NotLibraryForm, match="no class DeltaNet"):
        _ = read_source("x = 1\n").main


def test_the_library_is_read_and_never_imported() -> None:
    import asi_repro.discover.operators.library as module

    assert "import torch" not in inspect.getsource(module)
    assert library().defined[MAIN].is_definition
