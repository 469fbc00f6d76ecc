"""Prose in the code: a docstring is a whole sentence that stands without the signature below it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.tests.house import FILES, SOURCES, module_of, parsed, walked

# What begins with one of these mostly goes on from the name: "split: Of a data set, ...".
OPENERS = {
    "of", "from", "by", "in", "for", "with", "without", "at", "on", "to", "under", "over", "through",
    "between", "beside", "besides", "across", "against", "among", "within", "into", "onto", "along", "after",
    "before", "during", "as", "than", "per", "later", "still", "once", "also", "then", "thus", "only", "not",
    "so", "here", "there", "again", "instead", "otherwise", "which", "whose",
}  # fmt: skip
# These open a clause, and the sentence's own verb comes after its comma.
CONJUNCTIONS = {"if", "since", "because", "until", "while", "unless", "although"}
# These begin a clause inside a sentence, whose verb is not the sentence's own.
RELATIVES = r"\b(?:who|whose|whom|what|which|that|where|when|how|whether|if|as|than)\b[^,;:]*,?"
VERBS = (
    r"\b(?:is|are|was|were|has|have|had|can|cannot|may|might|must|do|does|did|will|would|should|could|begins|"
    r"comes|gives|goes|grows|keeps|lies|makes|reaches|says|takes)\b"
)


def first_sentence(text: str) -> str:
    """The first paragraph up to the end of its first sentence, on one line."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    return re.split(r"(?<=[.!?:;])\s", paragraph, maxsplit=1)[0]


def faults(text: str, *, plain: bool = False) -> list[str]:
    """What keeps a docstring's beginning from standing alone.

    Args:
        text: the docstring.
        plain: no opener at all; otherwise one may begin a sentence that has a verb of its own.
    """
    sentence = first_sentence(text)
    opener = re.match(r"[^\s,.;:]*", sentence)
    word = opener[0] if opener else ""
    rest = sentence.partition(",")[2] if word.lower() in CONJUNCTIONS else sentence[len(word) :]
    verb = re.search(VERBS, re.sub(RELATIVES, "", rest))
    said = []
    if word.lower() in OPENERS | CONJUNCTIONS and (plain or not verb):
        said.append(f"begins with {word!r}, as if it went on from the name")
    if re.fullmatch(r"[a-z]{2,}", word):
        said.append(f"{word!r} begins without a capital")
    if not re.search(r"[.!?:;][\"'”’)`]*$", " ".join(text.strip().split("\n\n")[0].split())):
        said.append("its first paragraph ends without a full stop")
    return said


def documented(tree: ast.Module) -> Iterator[tuple[int, str, str | None]]:
    """(line, name, docstring) of a module, and of every class and function in it."""
    yield 1, "the module", ast.get_docstring(tree)
    for node in walked(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name, ast.get_docstring(node)


def is_statement(path: Path, name: str) -> bool:
    """Is this the statement of a claim, a sentence with verbs of its own that may begin as it likes?"""
    return path.parent.name == "claims" and name.startswith("test_")


def is_plain(path: Path) -> bool:
    """Is this a module of the instrument, where sentences begin with what they are about?"""
    return path in SOURCES and path.parent.name != "claims"


def test_docstrings_stand_without_their_signature() -> None:
    wrong = [
        f"{module_of(path)}:{line} {name}: {fault}"
        for path in FILES
        for line, name, text in documented(parsed(path))
        if text and not is_statement(path, name)
        for fault in faults(text, plain=is_plain(path))
    ]
    assert wrong == []


def is_of_two_strings(text: str) -> bool:
    """Whether a text has, from line to line, the quotation marks of two strings that were meant to be one."""
    return re.search(r"[^\S\n]\"\n\s*\"", text) is not None


def test_docstrings_are_of_one_string_those_of_claims_too() -> None:
    assert is_of_two_strings('It gains half of what the table "\n    "prints.')
    assert not is_of_two_strings('It is "a little"\n    "more" than that.')
    documents = [(path, line, text) for path in FILES for line, _, text in documented(parsed(path)) if text]
    assert [f"{module_of(path)}:{line}" for path, line, text in documents if is_of_two_strings(text)] == []


def named_by_pytest(name: str) -> bool:
    """Hooks, and tests, whose names are the sentence."""
    return name.startswith(("pytest_", "test_"))


def undocumented(path: Path) -> Iterator[str]:
    """The module, and its public classes and functions, that have no docstring."""
    tree = parsed(path)
    if tree.body and not ast.get_docstring(tree):
        yield f"{module_of(path)}: the module"
    for node in tree.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or ast.get_docstring(node):
            continue
        if not node.name.startswith("_") and not named_by_pytest(node.name):
            yield f"{module_of(path)}:{node.lineno} {node.name}"


def test_modules_classes_and_public_functions_have_a_docstring() -> None:
    assert [missing for path in SOURCES for missing in undocumented(path)] == []


@pytest.mark.parametrize(
    "text",
    [
        "The weights of a layer, first layer first.",
        "n points on the unit sphere.",
        "``scores`` [widths], by width.",
        "f(x) = sum_i w_i x_i, for each of r targets.",
        "At most half of the replicates are censored.",
        "In every replicate the largest of the ys is at a position between low and high.",
        "If these move, every replicate of every record is another one.",
        "On ImageNet too a network can memorize random labels.",
        "Results, of the last weights:\n\n    train_loss: in nats.",
        "Not all layers are equal: the first ones cost most.",
    ],
)
def test_sentences_that_stand(text: str) -> None:
    assert faults(text) == []


def test_the_instrument_says_first_what_a_sentence_is_about() -> None:
    text = "In every replicate the largest of the ys is between low and high."
    assert faults(text) == []
    assert faults(text, plain=True) == ["begins with 'In', as if it went on from the name"]


@pytest.mark.parametrize(
    "text",
    [
        "Of some steps, after as many to warm up.",
        "From the eigenvectors U of F F'.",
        "By the crew side by side; here, one after another, what takes all devices for itself.",
        "In the precision of the trees, who would convert them for every fit.",
        "Without the runs whose parents failed: they fail with them, for the same reason.",
        "Until nothing is open: what another process holds is tried again after everything else.",
        "So many processes that compute fleets, started when first needed.",
        "Only what was asked for.",
        "weights of a layer.",
        "The weights of a layer",
    ],
)
def test_sentences_that_do_not_stand(text: str) -> None:
    assert faults(text) != []


# A name of these says that there is something, and not what it is.
EMPTY_NAMES = {"found", "given", "those", "some", "own"}


def variables(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of every variable that is assigned to and of every parameter."""
    for node in walked(tree):
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def test_results_are_called_for_what_they_are() -> None:
    empty = [
        f"{module_of(path)}:{line} {name}"
        for path in FILES
        for line, name in variables(parsed(path))
        if name in EMPTY_NAMES
    ]
    assert empty == []


def test_parameters_and_assigned_names_are_variables_and_what_is_read_is_not() -> None:
    tree = ast.parse("def f(given):\n    for own in given:\n        found = own.some\n    return those\n")
    assert sorted(variables(tree)) == [(1, "given"), (2, "own"), (3, "found")]
