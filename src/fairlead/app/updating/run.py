"""One attempt at an update, from the rows to the gate's word: data, train, package, evaluate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from fairlead.app.updating.answers import answer_each_row
from fairlead.app.updating.judge import weigh_both
from fairlead.app.updating.package import (
    Champion,
    bundled,
    facts_of,
    find_made,
)
from fairlead.app.updating.train import Fitted
from fairlead.app.workspace import Workspace
from fairlead.bundle import Mode
from fairlead.errors import BundleError, InputError, ModelError
from fairlead.logs import tell
from fairlead.registry import Version
from fairlead.runners.trainable import load_trainable
from fairlead.updates.classify import classify, lineage_of
from fairlead.updates.gather import Gathered, gather
from fairlead.updates.types import Doing, Finding, Judgement, Made, Stage, Update, UpdateSpec
from fairlead.updates.weigh import Answered

Fit = Callable[[pl.DataFrame, Any], Fitted]
"""The user's function, wherever it runs: from rows and what training goes on from."""


class Attempt:
    """Goes through the steps of an update once.

    What an earlier attempt at it has registered is not made again.

    Args:
        workspace: of the log and the registry.
        spec: what is to be done.
        update: which one it is.
        fit: lets the function fit a model.
        tell: is told how far it is.
    """

    def __init__(
        self, workspace: Workspace, spec: UpdateSpec, update: Update, fit: Fit,
        tell: Callable[[Doing], None],
    ) -> None:  # fmt: skip
        self._workspace = workspace
        self._spec = spec
        self._update = update
        self._fit = fit
        self._tell = tell

    def run(self) -> Made:
        """Make a version, and hold it against the one that answers.

        Raises:
            FairleadError: a step failed; nothing is left of it.
        """
        self._begin("data")
        champion = self._champion()
        gathered = self._gather(champion)
        few = self._too_few(gathered)
        if few is not None:
            return Made(
                champion=champion.version.name, candidate="", change="data",
                learnt=gathered.learnt, judgement=few,
            )  # fmt: skip
        made = find_made(self._workspace, champion.version.model, self._update.name)
        version = made or self._make(champion, gathered)
        self._begin("evaluate")
        facts = version.lineage.update
        assert facts is not None
        siblings = self._workspace.registry.versions(version.model)
        changed = classify(version.lineage, lineage_of(version.lineage.parent, siblings))
        assert changed is not None
        return Made(
            champion=champion.version.name,
            candidate=version.name,
            change=changed.change,
            learnt=facts.learnt,
            judgement=self._judge(champion, version, gathered, facts.mode),
            train_us=facts.train_us,
        )

    def _begin(self, stage: Stage) -> None:
        self._tell(Doing(stage))

    def _champion(self) -> Champion:
        route = self._workspace.stable(self._spec.endpoint)
        version = self._workspace.registry.resolve(route.name)
        return Champion(version, self._workspace.bundle(version), route.allow_pickle)

    def _gather(self, champion: Champion) -> Gathered:
        known = champion.version.lineage.update
        trained_us = known.learnt.train.to_us if known else champion.version.created_us
        home = self._workspace.home
        return gather(
            self._workspace.store, self._workspace.blobs, home.journals, self._spec.data,
            champion.version.signature, as_of_us=self._update.created_us,
            newer_than_us=trained_us, holdout=self._spec.gate.holdout,
            slices=self._spec.gate.slices,
        )  # fmt: skip

    def _too_few(self, gathered: Gathered) -> Judgement | None:
        """Why nothing is trained: what cannot be learnt from or decided on costs nothing."""
        label = self._spec.data.label
        trained = gathered.train.height - gathered.train[label].null_count()
        for rows, least, what in (
            (trained, self._spec.data.rows_min, "to learn from"),
            (gathered.holdout.height, self._spec.gate.rows_min, "to judge by"),
        ):
            if rows < least:
                reason = f"There are {rows:,} labelled rows {what}, of {least:,} that it takes."
                needed = least - rows
                return Judgement(verdict="not enough data", reason=reason, needed=needed)
        return None

    def _make(self, champion: Champion, gathered: Gathered) -> Version:
        previous, mode = self._previous(champion)
        self._begin("train")
        fitted = self._fit(gathered.train, previous)
        del previous
        self._begin("package")
        facts = facts_of(self._spec, self._update, mode, fitted, gathered)
        with bundled(self._workspace, champion, fitted, gathered, self._spec, facts) as bundle:
            return self._workspace.register(bundle, f"update {self._update.name}")

    def _previous(self, champion: Champion) -> tuple[Any, Mode]:
        """What training goes on from, and whether it does."""
        if self._update.mode == "scratch":
            return None, "scratch"
        name = champion.version.name
        try:
            previous = load_trainable(champion.bundle)
        except (BundleError, ModelError) as error:
            tell("warning", "not_trainable", f"{name} cannot be trained on: {error}")
            return None, "scratch"
        if previous is None:
            said = f"{name} has no form that can be trained on; it is trained from scratch."
            tell("warning", "not_trainable", said)
            return None, "scratch"
        return previous, "fine-tune"

    def _judge(
        self, champion: Champion, version: Version, gathered: Gathered, mode: Mode
    ) -> Judgement:
        bundles = [champion.bundle, self._workspace.bundle(version)]
        sizes = [champion.version.size_bytes, version.size_bytes]
        try:
            ours, theirs = answer_each_row(
                bundles, gathered.holdout, sizes, allow_pickle=champion.allow_pickle
            )
        except InputError as error:
            return _refused(error)

        def placebo(train: pl.DataFrame) -> Answered:
            return self._placebo(champion, Gathered(train, gathered.holdout, gathered.learnt))

        return weigh_both(
            self._spec, ours, theirs, gathered, placebo if mode == "scratch" else None,
            fields=[field.name for field in champion.version.signature.inputs],
        )  # fmt: skip

    def _placebo(self, champion: Champion, shuffled: Gathered) -> Answered:
        """Answers of a model that learnt from labels of other rows."""
        fitted = self._fit(shuffled.train, None)
        with bundled(self._workspace, champion, fitted, shuffled, self._spec, None) as bundle:
            (answered,) = answer_each_row(
                [bundle], shuffled.holdout, [0], allow_pickle=champion.allow_pickle
            )
        return answered


def _refused(error: InputError) -> Judgement:
    """A version that does not take what the one before takes is none better."""
    rows = len({problem.row for problem in error.problems if problem.row is not None})
    many = f"{rows:,} or more rows" if rows else "rows"
    reason = f"It refuses {many} of the holdout that were answered before."
    finding = Finding(name="refused", verdict="reject", reason=reason, rows=rows)
    return Judgement(verdict="reject", reason=reason, findings=(finding,))
