"""Words in texts: a graph counts the same ones as scikit-learn, whatever characters there are."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rows import asked, batch_of, exported
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from fairlead.packaging.export import Exported
from fairlead.runners.frame import make_frame

WORDS = ("good", "bad", "the", "taxi", "ai", "\u00fcber", "na\u00efve", "2nd", "snake_case",
         "\u5317\u4eac", "stra\u00dfe", "aa")  # fmt: skip
BETWEEN = (" ", " ", " ", ", ", "-", "\n", "\u00a0", "", "\u0130", "\u0301", "x", "X",
           "\u00b2", "\U0001f600", "\x00", "\x02", "\x03", "_", "\u03a3", "\u212a", "I",
           "\u24b6")  # fmt: skip


def texts(rows: int, seed: int, between: tuple[str, ...] = (" ",)) -> list[str]:
    """Words in small letters and capitals, with something between any two."""
    draw = np.random.default_rng(seed)
    made = []
    for _ in range(rows):
        words = draw.choice(WORDS, draw.integers(0, 9))
        cases = draw.integers(0, 3, len(words))
        said = [(w, w.upper(), w.title())[case] for w, case in zip(words, cases, strict=True)]
        made.append("".join(part for word in said for part in (word, draw.choice(between))))
    return made


def reviews(rows: int = 150) -> tuple[pd.DataFrame, Any]:
    said = texts(rows, seed=1)
    said[:2] = ["", "Good taxi ai"]
    frame = pd.DataFrame({"stars": np.arange(rows) % 5, "review": said})
    return frame, np.array(
        [text.lower().count("good") > text.lower().count("bad") for text in said]
    )


def served(vectorizer: Any, predictor: Any = None) -> tuple[Any, Exported]:
    frame, labels = reviews()
    columns = ColumnTransformer([("words", vectorizer, "review")], remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression() if predictor is None else predictor).fit(
        frame, labels
    )
    return model, exported(model, frame)


def agree(model: Any, made: Exported, said: list[str]) -> None:
    """The ONNX form and the original answer these texts alike, together and alone."""
    rows = pd.DataFrame({"stars": np.full(len(said), 3), "review": said})
    expected = model.predict_proba(make_frame(made.inputs, batch_of(made, rows), "pandas"))
    np.testing.assert_allclose(asked(made, rows, "probabilities"), expected, atol=1e-12)
    for place in range(0, len(said), 40):
        alone = asked(made, rows[place : place + 1], "probabilities")
        np.testing.assert_allclose(alone, expected[place : place + 1], atol=1e-12)


VECTORIZERS = {
    "counts": CountVectorizer(),
    "there or not": CountVectorizer(binary=True),
    "as written": CountVectorizer(lowercase=False),
    "few": CountVectorizer(max_features=3),
    "stopped": CountVectorizer(stop_words=["the", "bad"]),
    "given": CountVectorizer(vocabulary=["the", "i", "Good", "good", "no word", "ai", "a", "zz"],
                             stop_words=["the"]),
    "weighed": TfidfVectorizer(),
    "by logarithm": TfidfVectorizer(sublinear_tf=True, norm="l1", smooth_idf=False),
    "scaled alone": TfidfVectorizer(use_idf=False),
    "weighed alone": TfidfVectorizer(norm=None, stop_words="english"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Upper case characters found in vocabulary")
@pytest.mark.parametrize("name", VECTORIZERS)
def test_words_are_counted_as_scikit_learn_counts_them(name: str) -> None:
    model, made = served(VECTORIZERS[name])
    assert made.runner.kind == "onnx", made.notes
    agree(model, made, ["", *texts(400, seed=2, between=BETWEEN), "taxi " * 5000, "aa" * 5000])
    agree(model, made, [""])


def test_trees_split_on_counts() -> None:
    model, made = served(CountVectorizer(), RandomForestClassifier(10, random_state=0))
    assert made.runner.kind == "onnx", made.notes
    agree(model, made, texts(200, seed=3, between=BETWEEN))


def test_every_character_is_in_a_word_or_is_not_as_in_python() -> None:
    model, made = served(CountVectorizer())
    every = map(chr, (*range(0xD800), *range(0xE000, 0x110000)))
    # Those of a newer Unicode than Python's own are in no word here, and may be in one there.
    known = [each for each in every if unicodedata.category(each) != "Cn"]
    for place in range(0, len(known), 20_000):
        some = known[place : place + 20_000]
        said = [f"good{each}bad {each}taxi ai{each}" for each in some]
        rows = pd.DataFrame({"stars": np.full(len(said), 3), "review": said})
        expected = model.predict_proba(rows)
        np.testing.assert_allclose(asked(made, rows, "probabilities"), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("vectorizer", "reason"),
    [
        (
            CountVectorizer(ngram_range=(1, 2)),
            "CountVectorizer reads texts by its own ngram_range.",
        ),
        (TfidfVectorizer(analyzer="char"), "reads texts by its own analyzer."),
        (TfidfVectorizer(token_pattern=r"\S+"), "reads texts by its own token_pattern."),
        (TfidfVectorizer(strip_accents="unicode"), "reads texts by its own strip_accents."),
        (CountVectorizer(vocabulary=["good", "\u03c3\u03bf\u03c6\u03cc\u03c2"]), "a sigma"),
        (CountVectorizer(vocabulary=["a", "no word"]), "No text has any word"),
        (CountVectorizer(vocabulary=[f"w{n}" for n in range(10_001)]), "knows 10001 words"),
    ],
)
def test_what_a_graph_cannot_read_is_served_as_it_is_with_the_reason(
    vectorizer: Any, reason: str
) -> None:
    _, made = served(vectorizer)
    assert made.runner.kind == "sklearn"
    assert reason in made.notes[0]
