"""A version as the recipe of a container image that serves it."""

from __future__ import annotations

from importlib.metadata import version as installed
from pathlib import Path

import jinja2

from fairlead.bundle import Bundle, BundleInfo, pack

RECIPE = Path(__file__).parent / "recipe"
FILES = ("Containerfile", "start.sh", "requirements.txt")
EXTRAS = ("torch", "xgboost", "lightgbm", "catboost")
"""Runners that need an extra of the same name."""

FOR_GRAPHS = ("numpy", "onnxruntime")


def write_container(version: str, bundle: Bundle, out: Path) -> None:
    """Write a folder from which an engine such as Podman or Docker builds an image.

    Args:
        version: its name.
        bundle: of it.
        out: the folder.
    """
    out.mkdir()
    archive = f"{bundle.info.name}.fairlead"
    pack(bundle, out / archive)
    for name in FILES:
        written = (
            _templates()
            .get_template(name)
            .render(
                version=version,
                archive=archive,
                signer=bundle.signer,
                python=".".join(bundle.info.environment.get("python", "3.13").split(".")[:2]),
                requirements=requirements(bundle.info),
                pickle=bundle.info.runner.pickle,
            )
        )
        (out / name).write_text(written, encoding="utf-8")
    (out / "start.sh").chmod(0o755)


def requirements(info: BundleInfo) -> list[str]:
    """What the image installs: Fairlead, and what answers, as it was when it was packaged.

    A graph needs its runtime alone; other models need all that they were made with.
    """
    kind = info.runner.kind
    extra = f"[{kind}]" if kind in EXTRAS else ""
    pinned = {
        name: number.partition("+")[0]  # builds such as +cpu are in no public index
        for name, number in info.environment.items()
        if name != "python" and (kind != "onnx" or name in FOR_GRAPHS)
    }
    ours = f"fairlead{extra}=={installed('fairlead')}"
    return [ours, *(f"{name}=={number}" for name, number in sorted(pinned.items()))]


def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(RECIPE),
        autoescape=False,  # noqa: S701  # no HTML
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
