"""Writing the page: a folder of files that it links, or one file that holds them all."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from fairlead.bundle import Bundle
from fairlead.export.browser.facts import facts_of
from fairlead.export.browser.limits import check_fields, check_opsets
from fairlead.export.browser.runtime import LICENCE, PACKAGE, VERSION, Runtime
from fairlead.export.browser.script import join_modules
from fairlead.export.graph import check_domains, read_graph
from fairlead.export.texts import without_nul
from fairlead.forms import FORMS, controls_of, neutral

PAGE = Path(__file__).parent / "page"
LOOK = "look.css"
STYLE = "page.css"
# In JSON it occurs in strings alone, where it may be written so; nothing ends the element.
_IN_HTML = (b"<", b"\\u003c")


@dataclass(frozen=True, slots=True)
class Part:
    """A script or the style of a page: a file that is linked, or text that is written into it."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """By which the page's policy knows it."""
        return base64.b64encode(hashlib.sha256(self.text.encode()).digest()).decode()


def write_page(
    version: str, bundle: Bundle, runtime: Runtime, out: Path, *, single_file: bool
) -> None:
    """Write the page on which a version is tried.

    Args:
        version: its name.
        bundle: of it.
        runtime: that runs its graph.
        out: the folder, or the file.
        single_file: whether it is a file.

    Raises:
        ExportError: no browser can run it; says why.
    """
    model = read_graph(bundle)
    check_domains(model)
    check_opsets(model)
    check_fields(bundle.info)
    facts = facts_of(version, bundle, without_nul(model))
    scripts = [
        _data("facts.js", "facts", msgspec.json.encode(facts)),
        _data("model.js", "model", msgspec.json.encode(_base64(model.SerializeToString()))),
        _data("runtime.js", "runtime", msgspec.json.encode(_packed(runtime))),
        Part("page.js", join_modules("page.js", (PAGE, FORMS))),
    ]
    styles = [folder / name for folder, name in ((FORMS, LOOK), (PAGE, STYLE))]
    style = Part(STYLE, "\n".join(path.read_text(encoding="utf-8") for path in styles))
    signature = bundle.info.signature
    page = _template().render(
        version=version,
        controls=controls_of(signature, neutral(signature)),
        scripts=scripts,
        style=style,
        single_file=single_file,
        runtime=f"{PACKAGE} {VERSION}",
        licence=LICENCE.read_text(encoding="utf-8"),
    )
    if single_file:
        out.write_text(page, encoding="utf-8")
        return
    out.mkdir()
    files = {part.name: part.text for part in (*scripts, style)}
    for name, text in (files | {"index.html": page}).items():
        (out / name).write_text(text, encoding="utf-8")
    (out / "onnxruntime-licence.txt").write_bytes(LICENCE.read_bytes())


def _data(name: str, key: str, raw: bytes) -> Part:
    """A script that hands data to the page: from file:// it cannot fetch any."""
    written = raw.replace(*_IN_HTML).decode()
    return Part(name, f"(globalThis.FAIRLEAD ??= {{}}).{key} = {written};\n")


def _packed(runtime: Runtime) -> Mapping[str, Any]:
    binary = gzip.compress(runtime.binary, 9, mtime=0)
    return {"module": _base64(runtime.module), "binary": _base64(binary)}


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader((PAGE, FORMS)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
