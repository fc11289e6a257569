"""Converters of what counts words: CountVectorizer and TfidfVectorizer.

A graph has no lower case and no words of its own that are Python's, so it reads characters: each
becomes a number, capitals that of their small letter and all that is in no word the same one.
A word of the vocabulary is then a run of numbers between two of those, which TfIdfVectorizer
counts. Counts are whole numbers, exact in its single precision; the rest is in double.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from fairlead.errors import ExportError
from fairlead.packaging.export.graph import MICROSOFT, ML, Graph
from fairlead.packaging.export.scaling import Transform
from fairlead.packaging.export.table import Table, made, text

WORD = r"(?u)\b\w\w+\b"
"""What scikit-learn takes for a word unless it is told otherwise."""
LETTER = r"[\pL\pN_]"
"""Python's `\\w` as ONNX Runtime writes it: the same for every character that Python knows."""
BREAK, OTHER, DOTTED, FIRST = 0, 1, 2, 3
"""Numbers of characters: in no word, of no word in the vocabulary, İ, and the first of letters."""
DOTTED_CAPITAL = "\u0130"
"""The one capital of two small characters: an i, and a dot that ends a word as a space does."""
WORDS_MAX = 10_000
"""Of a vocabulary: scikit-learn keeps what is there alone, a graph each word's number."""
SIGMAS = frozenset("\u03c3\u03c2")
"""What the capital Σ becomes, by its place in a word."""

SETTINGS = {
    "analyzer": "word", "token_pattern": WORD, "ngram_range": (1, 1), "strip_accents": None,
    "tokenizer": None, "preprocessor": None, "input": "content",
}  # fmt: skip
"""Those that the graph keeps to."""


def counter(model: Any, table: Table, graph: Graph) -> Table:
    """Convert CountVectorizer.

    Raises:
        ExportError: it reads words otherwise than by default; says by which setting.
    """
    counts = _counts(model, table, graph)
    if model.binary:
        counts = graph.binary("Greater", counts, 0.0)
    return made(graph, counts, len(model.vocabulary_))


def weigher(model: Any, table: Table, graph: Graph) -> Table:
    """Convert TfidfVectorizer: what CountVectorizer counts, weighed and scaled."""
    (counted,) = {column.tensor for column in counter(model, table, graph)}
    weights = counted
    if model.sublinear_tf:
        there = graph.binary("Greater", counted, 0.0)
        logs = graph.add("Log", graph.add("Max", counted, 1.0))
        weights = graph.add("Add", logs, there)
    if model.use_idf:
        weights = graph.add("Mul", weights, np.asarray(model.idf_, dtype=np.float64)[None, :])
    if model.norm is not None:
        size = graph.reduce({"l1": "ReduceL1", "l2": "ReduceL2"}[model.norm], weights)
        empty = graph.binary("Equal", size, 0.0)
        weights = graph.add("Div", weights, graph.add("Add", size, empty))
    return made(graph, weights, len(model.vocabulary_))


def _counts(model: Any, table: Table, graph: Graph) -> str:
    """How often each word of the vocabulary is in each text, (rows, words)."""
    for name, default in SETTINGS.items():
        if getattr(model, name) != default:
            raise ExportError(f"{type(model).__name__} reads texts by its own {name}.")
    if len(table) != 1 or not table[0].text:
        raise ExportError(f"{type(model).__name__} is given other than one column of text.")
    if len(model.vocabulary_) > WORDS_MAX:
        raise ExportError(
            f"{type(model).__name__} knows {len(model.vocabulary_)} words; a graph counts "
            f"{WORDS_MAX} at most, which max_features chooses."
        )
    words = _words(model)
    numbers = {letter: FIRST + place for place, letter in enumerate(sorted(set("".join(words))))}
    runs = sorted((run, place) for word, place in words.items() for run in _runs(word, numbers))
    each = Graph(graph)  # texts beside each other would all take the room of the longest
    characters = _read(model, each.input(each.name("text"), "object", [1]), each, numbers)
    counted = each.add("TfIdfVectorizer", characters, **_pool(runs), mode="TF")
    each.output(counted, each.name("counts"), "float32", [1, None])
    found = graph.add("Scan", text(graph, table[0]), body=each.body(), num_scan_inputs=1)
    counts = graph.add("Squeeze", found, np.array([1]))
    lacking = len(model.vocabulary_) - 1 - max(place for _, place in runs)
    if lacking:  # words that no text ever has
        counts = graph.add("Pad", counts, np.array([0, 0, 0, lacking]))
    return graph.cast(counts, "float64")


def _words(model: Any) -> dict[str, int]:
    """The words that texts can have, by their places in the vocabulary."""
    stop = model.get_stop_words() or ()
    is_word = re.compile(model.token_pattern).fullmatch
    found = {
        word: int(place)
        for word, place in model.vocabulary_.items()
        if is_word(word) and word not in stop and not (model.lowercase and word != word.lower())
    }
    if not found:
        raise ExportError("No text has any word of the vocabulary.")
    if model.lowercase and any(SIGMAS & set(word) for word in found):
        raise ExportError("A word has a sigma, whose capital becomes one of two by its place.")
    return found


def _runs(word: str, numbers: dict[str, int]) -> Iterator[tuple[int, ...]]:
    """A word as it may stand in a text; İ is an end of what is before it, an i with it.

    Example:
        >>> list(_runs("hi", {"h": 3, "i": 4}))
        [(0, 3, 4, 0), (0, 3, 2), (2, 3, 4, 0), (2, 3, 2)]
    """
    letters = [numbers[letter] for letter in word]
    for before in (BREAK, DOTTED):
        yield (before, *letters, BREAK)
        if word.endswith("i"):
            yield (before, *letters[:-1], DOTTED)


def _read(model: Any, said: str, graph: Graph, numbers: dict[str, int]) -> str:
    """The characters of a text as numbers, (1, characters), with a break at either end."""
    characters = graph.add(
        "Tokenizer", said, domain=MICROSOFT, mark=1, mincharnum=1, pad_value="", separators=[""]
    )
    known = _known(numbers, lowercase=model.lowercase)
    number = graph.add(
        "LabelEncoder", characters, domain=ML,
        keys_strings=[each.encode() for each in known], values_int64s=list(known.values()),
        default_int64=OTHER,
    )  # fmt: skip
    is_letter = graph.add("RegexFullMatch", characters, pattern=LETTER)
    return graph.add("Where", is_letter, number, np.array(BREAK, dtype=np.int64))


def _known(numbers: dict[str, int], *, lowercase: bool) -> dict[str, int]:
    """The number of each character that may be in a word of the vocabulary."""
    if not lowercase:
        return numbers
    every = map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1)))
    found = {each: numbers[each.lower()] for each in every if each.lower() in numbers}
    return found | {DOTTED_CAPITAL: DOTTED}


def _pool(runs: list[tuple[tuple[int, ...], int]]) -> dict[str, Any]:
    """Runs as the operator takes them: by length, and where each length begins."""
    by_length = sorted(runs, key=lambda run: len(run[0]))
    longest = len(by_length[-1][0])
    pool: list[int] = []
    begins: list[int] = []
    for run, _ in by_length:
        begins += [len(pool)] * (len(run) - len(begins))
        pool += run
    return {
        "pool_int64s": pool,
        "ngram_counts": begins,
        "ngram_indexes": [place for _, place in by_length],
        "min_gram_length": len(by_length[0][0]),
        "max_gram_length": longest,
        "max_skip_count": 0,
    }


TRANSFORMS: dict[str, Transform] = {"CountVectorizer": counter, "TfidfVectorizer": weigher}
