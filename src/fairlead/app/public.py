"""What `import fairlead` offers, for notebooks and training scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fairlead.app.platform import answers, deploy, start_platform, stop_platform, wait_ready
from fairlead.app.sessions import sign_in_link
from fairlead.app.workspace import Workspace
from fairlead.client import Client
from fairlead.errors import BundleError, UnavailableError
from fairlead.names import check_name
from fairlead.registry import Version

if TYPE_CHECKING:
    import polars as pl


def package(
    model: object,
    X: object,
    y: object = None,
    *,
    name: str,
    fields: Mapping[str, Mapping[str, object]] | None = None,
    extra: Literal["error", "ignore"] = "error",
    parent: str | None = None,
    allow_pickle: bool = False,
    home: Path | str | None = None,
) -> Version:
    """Make a bundle of a fitted model and register it as the next version of its name.

    The model is turned into a form that is safe to load and proven to answer as the original
    does, on the rows given and on rows made to be awkward. What these rows look like is kept
    with it: types, ranges, categories.

    Args:
        model: a fitted scikit-learn estimator or Pipeline, a model of XGBoost, LightGBM or
            CatBoost, alone or at the end of one, a torch module, an ONNX model, or the path of an
            ONNX file, of a folder with a Python class or of one that MLflow wrote.
        X: reference rows as the model takes them, e.g. the validation set; pandas, Polars or
            NumPy, shape (rows, fields). A few hundred are enough, thousands are better.
        y: their labels, shape (rows,), for metrics.
        name: of the model.
        fields: by name, what is said of a field over what is inferred of it:
            `{"age": {"low": 18, "missing": "impute", "impute": 40}, "note": {"kind": "text"}}`.
        extra: what happens to fields of a request that the model does not know: `error` refuses
            them by name, `ignore` leaves them aside.
        parent: the version it was updated from, e.g. `churn:3`.
        allow_pickle: whether a pickle may be made where there is no safe form.
        home: the folder of the state; found from where one stands if not given.

    Returns:
        The registered version; its `name` is e.g. `churn:1`.

    Raises:
        ExportError: no form of the model is both safe and equal to it.
        InputError: the rows cannot be used.
        ConfigError: the name is none, or what is said of a field makes no sense.
    """
    from fairlead.packaging import make_bundle

    check_name(name, "model")
    workspace = Workspace(_path(home))
    parent_digest = workspace.registry.resolve(parent).digest if parent else None
    with make_bundle(
        model,
        X,
        y,
        name=name,
        keys=workspace.keys,
        clock=workspace.clock,
        folder=workspace.home.cache,
        fields=fields or {},
        extra=extra,
        parent=parent_digest,
        allow_pickle=allow_pickle,
    ) as bundle:
        return workspace.register(bundle)


@dataclass(frozen=True)
class Served:
    """An endpoint that runs.

    Args:
        version: that answers.
        url: where rows are sent: POST `{"rows": [...]}`.
        try_url: the page to try it, by a link that signs in once, within 15 minutes.
        client: speaks to it from Python.
        workspace: whose platform it runs on.
    """

    version: Version
    url: str
    try_url: str
    client: Client
    workspace: Workspace

    def predict(self, data: object) -> Any:
        """Ask the endpoint; as `Client.predict`."""
        return self.client.predict(self.version.model, data)

    def stop(self) -> None:
        """Stop the platform."""
        stop_platform(self.workspace)

    def __repr__(self) -> str:
        return f"<{self.version.name} answers at {self.url}; try it: {self.try_url}>"

    def _repr_html_(self) -> str:
        return (
            f"<b>{self.version.name}</b> answers at <code>{self.url}</code> · "
            f'<a href="{self.try_url}" target="_blank" rel="noopener">try it</a>'
        )


def serve(
    model: object,
    X: object,
    y: object = None,
    *,
    name: str = "model",
    home: Path | str | None = None,
    port: int = 8080,
    control_port: int = 8081,
) -> Served:
    """Package a model, start a platform if none runs here, and let the model answer.

    Args:
        model: as in `package`.
        X: as in `package`.
        y: as in `package`.
        name: of the model and the endpoint.
        home: as in `package`.
        port: of the API, if a platform is started; 0 takes a free one.
        control_port: of the control plane, likewise.

    Returns:
        A handle with the address, the try-it link and a client.

    Raises:
        BundleError: the version does not reproduce its own answers once loaded.
    """
    version = package(model, X, y, name=name, home=home)
    workspace = Workspace(_path(home))
    try:
        addresses = workspace.addresses()
    except UnavailableError:
        addresses = start_platform(
            workspace, f"--port={port}", f"--control-port={control_port}", "--workers=1"
        )
    if answers(workspace, name) != version.name:
        release = deploy(workspace, version.name, actor="notebook")
        if release.state == "failed":
            raise BundleError(release.reason)
    wait_ready(addresses)
    return Served(
        version,
        f"{addresses.api}/v1/endpoints/{name}/predict",
        sign_in_link(workspace, addresses.control, "notebook", f"/try/{name}"),
        workspace.client(addresses),
        workspace,
    )


def read(endpoint: str, *, home: Path | str | None = None) -> pl.LazyFrame:
    """The predictions of an endpoint, each with its inputs, outputs and label as far as known.

    Args:
        endpoint: its name.
        home: as in `package`.

    Returns:
        A lazy frame: `time`, `id`, `version`, `arm`, …, `in.<field>`, `out.<field>`, `label`.
    """
    return Workspace(_path(home)).read(endpoint)


def figure(
    endpoint: str, name: str, *, hours: float = 24.0, home: Path | str | None = None, **options: str
) -> dict[str, Any]:
    """A figure of how an endpoint fares, as its page shows it; whether the platform runs or not.

    Args:
        endpoint: its name.
        name: of the figure: `requests`, `errors`, `latency`, `volume`, `drift`, `distribution`,
            `quality`, `labels`, `evidence`.
        hours: how far to look back.
        home: as in `package`.
        options: `version` of all that are about rows; `field` and `window` (its start, in
            microseconds since 1970) of a distribution; `metric` of quality; `release` and
            `guard` of evidence.

    Returns:
        The figure as Plotly reads it: `plotly.graph_objects.Figure(...)` shows it.

    Raises:
        NotFoundError: there is no such endpoint or figure; names the nearest.
        ConfigError: an option makes no sense.
    """
    from fairlead.app.charts import WorkspaceCharts

    workspace = Workspace(_path(home))
    try:
        return WorkspaceCharts(workspace).draw(endpoint, name, hours, options).figure
    finally:
        workspace.close()


def _path(home: Path | str | None) -> Path | None:
    return None if home is None else Path(home)
