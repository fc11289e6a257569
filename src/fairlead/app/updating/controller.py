"""Updates, put together: where attempts run, how labels are counted, how a release is asked for."""

from __future__ import annotations

from functools import partial

from fairlead.app.releasing import plan_for
from fairlead.app.updating.start import start
from fairlead.app.workspace import Workspace
from fairlead.predictionlog.read import feedback
from fairlead.releases import Release
from fairlead.updates import Update, UpdateController, UpdateSpec


def update_controller(workspace: Workspace) -> UpdateController:
    """Keeps the models right that the settings of a workspace name."""
    return UpdateController(
        workspace.store, workspace.clock, workspace.registry, workspace.update_specs,
        partial(start, workspace), partial(_publish, workspace), partial(_labels, workspace),
        workspace.settings.server.jobs_at_once,
    )  # fmt: skip


def _publish(workspace: Workspace, spec: UpdateSpec, update: Update, actor: str) -> Release:
    """Ask for the release of the version that an update made.

    Raises:
        FairleadError: the release cannot be asked for, or not now.
    """
    assert update.made is not None
    version = workspace.registry.resolve(update.made.candidate)
    allow_pickle = workspace.stable(spec.endpoint).allow_pickle
    plan, _ = plan_for(workspace, spec.endpoint, {"strategy": spec.release})
    return workspace.releases.request(
        spec.endpoint, workspace.ref(version, allow_pickle=allow_pickle), version.signature,
        actor, plan, update.made.judgement.reason,
    )  # fmt: skip


def _labels(workspace: Workspace, log: str, since_us: int) -> int:
    """How many predictions were labelled since a time."""
    import polars as pl

    since = pl.lit(since_us).cast(pl.Datetime("us", "UTC"))
    rows = feedback(workspace.store, workspace.blobs, workspace.home.journals, log)
    told = rows.filter((pl.col("name") == "label") & (pl.col("received") > since))
    return int(told.select(pl.col("prediction_id").n_unique()).collect().item())
