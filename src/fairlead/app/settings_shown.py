"""Every setting in force, for whoever looks: its name, its value, and where that comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import msgspec

from fairlead.app.own_metrics import MetricSettings
from fairlead.app.settings import Settings
from fairlead.features import FeatureSettings
from fairlead.learning import OnlineSettings
from fairlead.releases import PlanSettings
from fairlead.schedules import BatchSettings
from fairlead.updates import UpdateSettings

WHOLE = (
    BatchSettings,
    MetricSettings,
    PlanSettings,
    FeatureSettings,
    OnlineSettings,
    UpdateSettings,
)
"""Tables whose own tables are values like others."""

SECRET = re.compile(r"(?<=://)[^\s'\"]*@|(?<=password=)[^&\s'\"]*")
"""Of a URL, whoever is let in by it, up to the last `@`: what stands there may hold one, too."""


def describe(settings: Settings) -> list[tuple[str, str, str]]:
    """Every setting in force: its name, its value, and whether it is the default."""
    tables: dict[str, msgspec.Struct] = {"server": settings.server, "cost": settings.cost}
    for name, part in settings.endpoint.items():
        tables[f"endpoint.{name}"] = part
        tables[f"endpoint.{name}.cache"] = part.cache
        tables |= {f"endpoint.{name}.alert.{rule}": own for rule, own in part.alert.items()}
        tables |= {f"endpoint.{name}.metric.{own}": one for own, one in part.metric.items()}
        tables |= {f"endpoint.{name}.batch.{own}": one for own, one in part.batch.items()}
        tables |= {f"endpoint.{name}.update": part.update} if part.update is not None else {}
        tables |= {f"endpoint.{name}.online": part.online} if part.online is not None else {}
    tables |= {f"features.{name}": part for name, part in settings.features.items()}
    tables |= {f"release.{name}": plan for name, plan in settings.release.items()}
    tables |= {"monitoring": settings.monitoring, "alerts": settings.alerts}
    tables |= {f"alerts.channel.{name}": part for name, part in settings.alerts.channel.items()}
    return [row for table, part in tables.items() for row in _describe(table, part)]


_OWN = frozenset({"online", "update"})
"""Tables that are listed by themselves, and need not be there."""


def _is_tables(kind: Any) -> bool:
    """Whether a setting is tables of their own, by name."""
    inner = get_args(kind)[1] if get_origin(kind) is dict else None
    return isinstance(inner, type) and issubclass(inner, msgspec.Struct)


def _describe(table: str, part: msgspec.Struct) -> Iterator[tuple[str, str, str]]:
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        if isinstance(part, OnlineSettings | UpdateSettings) and isinstance(value, msgspec.Struct):
            yield from _describe(f"{table}.{field.encode_name}", value)
            continue
        if (
            field.encode_name in _OWN
            or isinstance(value, msgspec.Struct)
            or (_is_tables(field.type) and not isinstance(part, WHOLE))
        ):
            continue
        default = value == getattr(type(part)(), field.name)
        shown = "" if value is None else str(msgspec.to_builtins(value))
        shown = SECRET.sub(lambda found: "***@" if found[0].endswith("@") else "***", shown)
        yield f"{table}.{field.encode_name}", shown, "default" if default else "fairlead.toml"
