"""`fairlead models`, `fairlead show`, `fairlead alias`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from fairlead.app.user import user
from fairlead.app.workspace import Workspace
from fairlead.bundle import described_gains
from fairlead.cli.output import moment, say, table
from fairlead.errors import ConfigError
from fairlead.learning import describe_learned
from fairlead.registry import Version
from fairlead.signature import Field
from fairlead.updates.describe import describe


@click.command("models")
@click.pass_obj
def models_command(home: Path | None) -> None:
    """List the models and their versions."""
    registry = Workspace(home).registry
    rows = []
    for model in registry.models():
        aliases = registry.aliases(model.name)
        for version in registry.versions(model.name):
            names = [alias for alias, number in aliases.items() if number == version.number]
            served = version.runner + (" PICKLE" if version.pickle else "")
            rows.append(
                (
                    version.name,
                    " ".join(f"@{name}" for name in sorted(names)),
                    version.task,
                    version.framework,
                    served,
                    round(version.size_bytes / 1e6, 2),
                    moment(version.created_us),
                )
            )
    if rows:
        table(("version", "aliases", "task", "framework", "served by", "MB", "packaged"), rows)
    else:
        say("There are no models yet: 'fairlead package', or fairlead.package() in Python.")


@click.command("show")
@click.argument("version")
@click.pass_obj
def show_command(home: Path | None, version: str) -> None:
    """Show everything about VERSION: fields, lineage, metrics, evaluations, notes."""
    workspace = Workspace(home)
    shown = workspace.registry.resolve(version)
    say(f"{shown.name}  {shown.framework}  ({shown.task})")
    if shown.pickle:
        say("PICKLE: loading it runs whatever code is in its payload.")
    known = {other.digest: other for other in workspace.registry.versions(shown.model)}
    for name, value in _facts(shown, known):
        say(f"  {name:<12}{value}")
    say()
    table(("input", "kind", "seen", "missing", "unknown"), map(_field, shown.signature.inputs))
    say()
    table(("output", "kind", "values"), [_field(f)[:3] for f in shown.signature.outputs])
    if shown.metrics:
        say()
        made = shown.lineage.compression
        what = "reference rows" if made is None else f"the {made.rows} rows reported on"
        table((f"metric on {what}", "value"), shown.metrics.items())
    for evaluation in workspace.registry.evaluations(shown):
        say(f"\nEvaluated on {evaluation.rows} rows, {moment(evaluation.created_us)}")
        rows = [(n, e.value, e.low, e.high) for n, e in evaluation.metrics.items()]
        table(("metric", "value", "low", "high"), rows)
    for note in shown.notes:
        say(f"\nNote: {note}")


def _facts(version: Version, known: Mapping[str, Version]) -> list[tuple[str, object]]:
    """What is known of a version; `known` are those of its model, by digest."""
    lineage = version.lineage
    facts: list[tuple[str, object]] = [
        ("digest", version.digest),
        ("packaged", moment(version.created_us)),
        ("by", version.registered_by or "unknown"),
        ("served by", version.runner),
        ("trainable", version.trainable or "no: it can only be retrained from scratch"),
        ("size", f"{version.size_bytes / 1e6:.2f} MB"),
    ]
    if version.proof is not None:
        worst = max(version.proof.worst.values(), default=0.0)
        facts.append(("receipt", f"{version.proof.rows} rows, off by {worst:.2g} at most"))
    if lineage.data_digest:
        facts.append(("data", f"{lineage.rows} rows, {lineage.data_digest[:16]}"))
    if lineage.revision:
        facts.append(("code", lineage.revision + (" with changes" if lineage.changed else "")))
    if lineage.parent:
        parent = known.get(lineage.parent)
        facts.append(("parent", parent.name if parent else lineage.parent))
        facts += described_gains(lineage.compression).items()
        facts += describe(lineage, parent.lineage if parent else None).items()
    facts += describe_learned(lineage.learned).items()
    if version.let_go_us is not None:
        facts.append(("bundle", f"let go {moment(version.let_go_us)}"))
    facts += [(f"tag {key}", value) for key, value in sorted(version.tags.items())]
    packages = " ".join(f"{name} {number}" for name, number in sorted(lineage.environment.items()))
    return [*facts, ("environment", packages)]


def _field(field: Field) -> tuple[str, str, str, str, str]:
    seen = ""
    if field.categories is not None:
        shown = [str(category) for category in field.categories[:6]]
        seen = ", ".join(shown) + (", …" if len(field.categories) > len(shown) else "")
    elif field.low is not None and field.high is not None:
        seen = f"{field.low:g} to {field.high:g}"
    return field.name, field.kind, seen, field.missing, field.unknown


@click.command("alias")
@click.argument("version")
@click.argument("name")
@click.pass_obj
def alias_command(home: Path | None, version: str, name: str) -> None:
    """Point alias NAME of a model at VERSION: `fairlead alias churn:2 champion`."""
    registry = Workspace(home).registry
    pointed = registry.resolve(version)
    registry.set_alias(pointed.model, name, pointed.number, user())
    say(f"{pointed.model}@{name} is {pointed.name} now.")


@click.command("tag")
@click.argument("version")
@click.argument("tags", nargs=-1, required=True, metavar="KEY=VALUE...")
@click.pass_obj
def tag_command(home: Path | None, version: str, tags: tuple[str, ...]) -> None:
    """Add tags to VERSION: `fairlead tag churn:2 team=growth`; those of the same key go."""
    pairs = [text.partition("=") for text in tags]
    wrong = [
        text for text, (key, equals, _) in zip(tags, pairs, strict=True) if not (key and equals)
    ]
    if wrong:
        raise ConfigError(f"'{wrong[0]}' is not KEY=VALUE.")
    tagged = Workspace(home).registry.tag(version, {key: value for key, _, value in pairs}, user())
    say(f"{tagged.name}: {', '.join(f'{k}={v}' for k, v in sorted(tagged.tags.items()))}")
