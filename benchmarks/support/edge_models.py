"""Models that the benchmark of smaller forms makes smaller, on bundled and on generated rows."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

TRAIN_SHARE = 0.6
"""Of the bundled rows; of the others forms are chosen and reported on, half and half."""
EPOCHS = 40


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, the rows it learnt from, and rows that it has not seen.

    Args:
        model: as `fairlead.package` takes it.
        learnt: shape (rows, fields).
        learnt_labels: shape (rows,).
        held: like `learnt`.
        held_labels: like `learnt_labels`.
    """

    model: Any
    learnt: Any
    learnt_labels: Any
    held: Any
    held_labels: Any


@dataclass(frozen=True, slots=True)
class Subject:
    """What is made smaller, and what it must not lose.

    Args:
        name: in the table.
        train: from a seed to a model; drawn anew is what it learns from, too.
        max_drop: of accuracy.
        agreement: share of rows to be answered as the model does: of few hundred rows it tells
            more of what is lost than accuracy does.
        sureness: with which both must hold; half takes what is measured for what is true.
        net: whether onnxruntime's own quantisation has anything to say of it.
        needs: a module that it needs; empty for none.
    """

    name: str
    train: Callable[[int], Trained]
    max_drop: float
    agreement: float = 0.97
    sureness: float = 0.5
    net: bool = True
    needs: str = ""

    @property
    def is_there(self) -> bool:
        """Whether what it needs is installed."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None


def digits() -> tuple[Any, Any]:
    """1797 pictures of 8 x 8, from 0 to 1, and which digit each is."""
    from sklearn.datasets import load_digits

    values, labels = load_digits(return_X_y=True)
    return (values / 16.0).astype(np.float32), labels.astype(np.int64)


def cancer() -> tuple[Any, Any]:
    """569 rows of 30 numbers, and one of two classes."""
    from sklearn.datasets import load_breast_cancer

    values, labels = load_breast_cancer(return_X_y=True)
    return values.astype(np.float32), labels.astype(np.int64)


def made(rows: int, fields: int, classes: int, seed: int) -> tuple[Any, Any]:
    """Generated rows: classes of several clusters, with some labels that are wrong."""
    from sklearn.datasets import make_classification

    values, labels = make_classification(
        rows, fields, n_informative=fields * 3 // 5, n_redundant=fields // 5, n_classes=classes,
        n_clusters_per_class=2, flip_y=0.02, class_sep=1.5, random_state=seed,
    )  # fmt: skip
    return values.astype(np.float32), labels.astype(np.int64)


def split(data: tuple[Any, Any], seed: int, fit: Callable[[Any, Any], Any]) -> Trained:
    """Train on a drawn part of the rows."""
    values, labels = data
    drawn = np.random.default_rng(seed).permutation(len(values))
    cut = round(TRAIN_SHARE * len(values))
    learn, hold = drawn[:cut], drawn[cut:]
    model = fit(values[learn], labels[learn])
    return Trained(model, values[learn], labels[learn], values[hold], labels[hold])


def mlp(hidden: tuple[int, ...], seed: int) -> Callable[[Any, Any], Any]:
    """A network of full layers, in single precision, as deep learning's exporters write it."""

    def fit(values: Any, labels: Any) -> Any:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier
        from sklearn.utils._testing import ignore_warnings

        net = MLPClassifier(hidden, max_iter=EPOCHS, batch_size=64, random_state=seed)
        ignore_warnings(net.fit, category=ConvergenceWarning)(values, labels)
        return graph_of(net.coefs_, net.intercepts_)

    return fit


def graph_of(weights: Any, biases: Any) -> Any:
    """Gemm and Relu, layer by layer, with the label and probabilities at the end."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, last = [], [], "x"
    if len(biases[-1]) == 1:  # the score of the second of two classes
        weights = [*weights[:-1], np.column_stack([np.zeros_like(weights[-1]), weights[-1]])]
        biases = [*biases[:-1], np.array([0.0, biases[-1][0]])]
    for place, (matrix, bias) in enumerate(zip(weights, biases, strict=True)):
        for name, value in ((f"W{place}", matrix), (f"b{place}", bias)):
            constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        ends = place == len(weights) - 1
        scores = "scores" if ends else f"h{place}"
        nodes.append(helper.make_node("Gemm", [last, f"W{place}", f"b{place}"], [scores]))
        if not ends:
            nodes.append(helper.make_node("Relu", [scores], [f"r{place}"]))
            last = f"r{place}"
    nodes.append(helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0))
    nodes.append(helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1))
    graph = helper.make_graph(
        nodes, "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", len(weights[0])])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
         helper.make_tensor_value_info("probabilities", TensorProto.FLOAT,
                                       ["n", len(biases[-1])])],
        constants,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def cnn(seed: int) -> Callable[[Any, Any], Any]:
    """Two convolutions of 32 and 64 filters, and a layer of 128 units."""

    def fit(values: Any, labels: Any) -> Any:
        import torch
        from torch import nn

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10),
        )  # fmt: skip
        steps = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-4)
        rows, truth = torch.tensor(values), torch.tensor(labels)
        for _ in range(EPOCHS // 2):
            for part in torch.randperm(len(rows)).split(64):
                steps.zero_grad()
                nn.functional.cross_entropy(net(rows[part]), truth[part]).backward()
                steps.step()
        return net.eval()

    return fit


def forest(seed: int, leaf: int = 1) -> Callable[[Any, Any], Any]:
    """Five hundred trees."""

    def fit(values: Any, labels: Any) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        trees = RandomForestClassifier(500, min_samples_leaf=leaf, random_state=seed)
        return trees.fit(values, labels)

    return fit


def boosting(seed: int) -> Callable[[Any, Any], Any]:
    """A hundred rounds of boosted trees."""

    def fit(values: Any, labels: Any) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(random_state=seed).fit(values, labels)

    return fit


def subjects(*, quick: bool) -> list[Subject]:
    """All of them; the generated ones are for the full run."""
    bundled = [
        Subject("digits MLP", lambda seed: split(digits(), seed, mlp((512, 256), seed)), 0.005,
                0.99),
        Subject("digits CNN", lambda seed: split(digits(), seed, cnn(seed)), 0.002,
                0.996, 0.8, needs="torch"),
        Subject("digits forest of 500", lambda seed: split(digits(), seed, forest(seed)), 0.002,
                net=False),
        Subject("cancer boosting", lambda seed: split(cancer(), seed, boosting(seed)), 0.005,
                net=False),
    ]  # fmt: skip
    if quick:
        return bundled
    return [
        *bundled,
        Subject("cancer forest of 500", lambda seed: split(cancer(), seed, forest(seed)), 0.002,
                net=False),
        Subject("made MLP, 20000 rows",
                lambda seed: split(made(20_000, 40, 5, seed), seed, mlp((512, 256), seed)), 0.005,
                0.99),
        Subject("made forest of 500, 10000 rows",
                lambda seed: split(made(10_000, 20, 2, seed), seed, forest(seed, 5)), 0.002,
                net=False),
        Subject("made boosting, 20000 rows",
                lambda seed: split(made(20_000, 20, 2, seed), seed, boosting(seed)), 0.005,
                net=False),
    ]  # fmt: skip
