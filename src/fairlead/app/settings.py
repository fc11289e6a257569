"""Settings: one TOML file, typed, every unknown key refused."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from fairlead.alerts import AlertsSettings, Rule, RuleSettings, rules_of
from fairlead.alerts.channels import check_channel
from fairlead.app.own_metrics import MetricSettings, check_metrics
from fairlead.errors import ConfigError
from fairlead.features import FeatureSettings, FeatureSpec, spec_of
from fairlead.learning import OnlineSettings, online_of
from fairlead.logs import Format, Level
from fairlead.lookup import check_url
from fairlead.monitoring.divide import FIELDS_MAX
from fairlead.monitoring.span import reference_of
from fairlead.nearest import nearest
from fairlead.releases import PlanSettings, plan_of
from fairlead.releases.plan import hint_of
from fairlead.runners.device import Device, DeviceName
from fairlead.schedules import BatchSettings, Schedule, rooted, schedule_of
from fairlead.serving.cache.types import CacheSettings, limits_of
from fairlead.serving.ladder.types import Ladder, read_ladder
from fairlead.store import check_urls
from fairlead.updates import UpdateSettings, UpdateSpec
from fairlead.updates import rooted as rooted_update
from fairlead.updates import spec_of as update_of

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

FirstRequest = Literal["wait", "refuse"]
OnFull = Literal["continue", "stop"]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
P = TypeVar("P", bound=msgspec.Struct)
SliceFields = Annotated[list[str], Meta(max_length=FIELDS_MAX)]
Origin = Annotated[str, Meta(pattern=r"^https?://[a-z0-9.:\[\]-]+$")]


def _workers() -> int:
    """One for each core this process may use, but no more than four unless asked."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(4, cores or 1))


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of every table."""


class ServerSettings(_Part, frozen=True, kw_only=True):
    """The table `[server]`.

    Args:
        host: address to listen on.
        port: of the API; 0 takes a free one.
        control_port: of the control plane; 0 takes a free one.
        grpc_port: of the API over gRPC; 0 takes a free one; without it gRPC is not spoken.
        workers: processes that answer.
        store: URL of the store of records; in the home if empty.
        blobs: URL of the blob store; in the home if empty.
        lookup: URL of the store of look-up tables; in the home if empty.
        lookup_timeout_s: after which a request waits for that store no longer.
        durability: what a logged prediction survives: the death of the `process`, or of the
            machine (`disk`).
        log_full: when the log cannot be written, `continue` answering unlogged or `stop`.
        body_bytes_max: of one request; more than 4 MiB are read beside the worker.
        rows_max: of one request.
        batch_rows_max: that a model runs on together.
        queue_rows_max: that wait for a model; beyond it callers are asked to come again.
        deadline_s: after which a request is given up.
        python_timeout_s: after which Python code that a user brought is ended.
        keys: whether callers need a key; beyond this machine they always do, unless `up` is told
            otherwise.
        tls_cert: file of the certificate, PEM; plain HTTP if empty.
        tls_key: file of its private key, PEM.
        hosts: further names that the platform is reached by, e.g. behind a proxy.
        proxies: addresses or networks of proxies, whose word on who asks is believed.
        cors_origins: sites whose pages may send requests to the API.
        models_memory_mb: memory for models, per worker, in millions of bytes; with it a version is
            loaded on first use and let go again when room is needed; without, all are loaded.
        device: where models run.
        first_request: what becomes of a request to an endpoint whose model is not loaded: it may
            `wait` for that, or the caller is asked to come again (`refuse`).
        default_endpoint: that paths without a name mean, such as `/invocations`; the only one
            there is if empty.
        log_format: of what processes tell on standard error: lines as `text` for people, or as
            `json` for programs.
        log_level: the least that they tell; `warning` as text and `info` as JSON if not given.
        jobs_at_once: scheduled jobs that run at the same time; the others wait for their turn.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    control_port: Port = 8081
    grpc_port: Port | None = None
    workers: Count = msgspec.field(default_factory=_workers)
    store: str = ""
    blobs: str = ""
    lookup: str = ""
    lookup_timeout_s: Seconds = 0.25
    durability: Literal["process", "disk"] = "process"
    log_full: OnFull = "continue"
    body_bytes_max: Count = 4 << 20
    rows_max: Count = 10_000
    batch_rows_max: Count = 256
    queue_rows_max: Count = 10_000
    deadline_s: Seconds = 30.0
    python_timeout_s: Seconds = 10.0
    keys: bool = False
    tls_cert: str = ""
    tls_key: str = ""
    hosts: list[str] = []
    proxies: list[str] = []
    cors_origins: list[Origin] = []
    models_memory_mb: Count | None = None
    device: DeviceName = "cpu"
    first_request: FirstRequest = "wait"
    default_endpoint: str = ""
    log_format: Format = "text"
    log_level: Level | None = None
    jobs_at_once: Count = 1


class MonitoringSettings(_Part, frozen=True, kw_only=True):
    """The table `[monitoring]`.

    Args:
        window_s: length of the windows that are compared with the reference.
        grace_s: after a window's end before it is looked at, for rows that are on the way.
        rows_min: least rows of a window that is tested.
        learn_windows: of past before the first alarm of drift.
        reference: what windows are compared with: the training set, the same hour of past days or
            weeks, or chosen days.
        alarms_per_month: of each endpoint that are false, at most.
        joint_drift: whether all fields are compared together as well, once a day.
        slices: inputs by whose values performance is told; a few of few values if not given.
    """

    window_s: Seconds = 3600.0
    grace_s: Annotated[float, Meta(ge=0)] = 120.0
    rows_min: Count = 100
    learn_windows: Count = 48
    reference: str = "training"
    alarms_per_month: Seconds = 1.0
    joint_drift: bool = False
    slices: SliceFields | None = None


class EndpointSettings(_Part, frozen=True, kw_only=True):
    """A table `[endpoint.NAME]`.

    Args:
        log_full: as in `[server]`, for this endpoint.
        first_request: as in `[server]`, for this endpoint.
        device: as in `[server]`, for this endpoint.
        gpu_memory_mb: of a card's memory that each of its models may take, in millions of bytes.
        reference: as in `[monitoring]`, for this endpoint.
        alarms_per_month: as in `[monitoring]`, for this endpoint.
        slices: as in `[monitoring]`, for this endpoint.
        features: names of those that requests to it may leave out.
        answer: who answers, in this order: `precomputed(24h)`, `live`, `cached`, `previous`,
            `constant`; the model alone if empty.
        constant: the answer of the last step, by output.
        cache: of its answers.
        alert: rules of its own, and what differs from the default ones, by name.
        metric: metrics of its own, by name.
        batch: jobs that are run again and again, by name.
        update: how its model is kept right; not at all without it.
        decisions: channels of alerts that are told of each decision of a person.
        online: how its model learns as labels arrive; it does not if this is not given.
    """

    log_full: OnFull | None = None
    first_request: FirstRequest | None = None
    device: DeviceName | None = None
    gpu_memory_mb: Count | None = None
    reference: str | None = None
    alarms_per_month: Seconds | None = None
    slices: SliceFields | None = None
    features: list[str] = []
    answer: list[str] = []
    constant: dict[str, Any] = {}
    cache: CacheSettings = CacheSettings()
    alert: dict[str, RuleSettings] = {}
    metric: dict[str, MetricSettings] = {}
    batch: dict[str, BatchSettings] = {}
    update: UpdateSettings | None = None
    decisions: list[str] = []
    online: OnlineSettings | None = None


class CostSettings(_Part, frozen=True, kw_only=True):
    """The table `[cost]`.

    Args:
        machine_per_hour: what this machine costs for an hour; nothing is told of costs without it.
        currency: of that price.
    """

    machine_per_hour: Annotated[float, Meta(ge=0)] | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "EUR"


class Settings(_Part, frozen=True, kw_only=True):
    """The whole file."""

    server: ServerSettings = ServerSettings()
    cost: CostSettings = CostSettings()
    endpoint: dict[str, EndpointSettings] = {}
    features: dict[str, FeatureSettings] = {}
    monitoring: MonitoringSettings = MonitoringSettings()
    alerts: AlertsSettings = AlertsSettings()
    release: dict[str, PlanSettings] = {}


def device_of(settings: Settings, endpoint: str) -> Device:
    """Where an endpoint's models run."""
    own = settings.endpoint.get(endpoint, EndpointSettings())
    return Device(own.device or settings.server.device, own.gpu_memory_mb)


def slices_of(settings: Settings, endpoint: str) -> tuple[str, ...] | None:
    """The inputs by whose values an endpoint's performance is told; None if nothing is said."""
    own = settings.endpoint.get(endpoint, EndpointSettings()).slices
    named = settings.monitoring.slices if own is None else own
    return None if named is None else tuple(dict.fromkeys(named))


def rules(settings: Settings, endpoint: str) -> tuple[Rule, ...]:
    """The rules by which an endpoint's alerts are decided."""
    return rules_of(endpoint, settings.endpoint.get(endpoint, EndpointSettings()).alert)


def schedules(settings: Settings) -> tuple[Schedule, ...]:
    """The jobs that are run again and again.

    Raises:
        ConfigError: what is said of one makes no sense, or a channel of it is none.
    """
    found = tuple(
        schedule_of(endpoint, name, batch)
        for endpoint, own in settings.endpoint.items()
        for name, batch in own.batch.items()
    )
    taken = set[str]()
    for schedule in found:
        at = f"endpoint.{schedule.endpoint}.batch.{schedule.name}"
        _check_announced(f"{at}.announce", schedule.announce, settings.alerts)
        where = schedule.job.output or schedule.endpoint  # each has one table for look-up
        if where in taken:
            what = "key" if schedule.job.key else "output"
            raise ConfigError(
                f"The answers of '{at}.{what}' would replace those of another schedule.",
                hint="Name another output; of those with a key there is one, with all inputs.",
            )
        taken.add(where)
    return found


def updates(settings: Settings, folder: Path) -> tuple[UpdateSpec, ...]:
    """How models are kept right, of the endpoints that say so.

    Args:
        settings: in force.
        folder: of the file that they are in, beside which the functions are.

    Raises:
        ConfigError: what is said of one makes no sense, or a channel of it is none.
    """
    found = tuple(
        update_of(endpoint, own.update, folder)
        for endpoint, own in settings.endpoint.items()
        if own.update is not None
    )
    for spec in found:
        at = f"endpoint.{spec.endpoint}.update.announce"
        _check_announced(at, spec.announce, settings.alerts)
    return found


def _check_announced(at: str, named: Iterable[str], alerts: AlertsSettings) -> None:
    """Refuse channels that there are not, and that take nothing else."""
    for name in named:
        if name not in alerts.channel:
            close = nearest(name, alerts.channel)
            raise ConfigError(
                f"The setting '{at}' names '{name}', and there is no such channel.",
                hint=f"Did you mean '{close}'?" if close else "Write [alerts.channel.NAME].",
            )
        if alerts.channel[name].kind == "alertmanager":
            raise ConfigError(f"The setting '{at}' names '{name}', which takes alerts alone.")


def told_of_decisions(settings: Settings, endpoint: str) -> list[str]:
    """The channels that are told what people decide of an endpoint's predictions.

    Raises:
        ConfigError: there is no such channel, or it takes alerts alone.
    """
    named = settings.endpoint.get(endpoint, EndpointSettings()).decisions
    _check_announced(f"endpoint.{endpoint}.decisions", named, settings.alerts)
    return named


def features_of(settings: Settings, endpoint: str) -> tuple[FeatureSpec, ...]:
    """The features that requests to an endpoint may leave out.

    Raises:
        ConfigError: there are none of a name, or what is said of them makes no sense.
    """
    named = settings.endpoint.get(endpoint, EndpointSettings()).features
    return tuple(feature(settings, name) for name in named)


def feature(settings: Settings, name: str) -> FeatureSpec:
    """Features by their name.

    Raises:
        ConfigError: there are none of this name, or what is said of them makes no sense.
    """
    if name in settings.features:
        return spec_of(name, settings.features[name])
    close = nearest(name, settings.features)
    raise ConfigError(
        f"There is no table [features.{name}].",
        hint=f"Did you mean '{close}'?" if close else "",
    )


def ladders(settings: Settings) -> dict[str, Ladder]:
    """Who answers, by endpoint, where that is not the model alone.

    Raises:
        ConfigError: what is said of it makes no sense.
    """
    found: dict[str, Ladder] = {}
    for name, own in settings.endpoint.items():
        keeps = own.cache.ttl is not None
        ladder = read_ladder(name, own.answer, own.constant, keeps=keeps)
        if ladder is None:
            continue
        if ladder.has("previous") and settings.server.models_memory_mb is not None:
            raise ConfigError(
                f"The setting 'endpoint.{name}.answer' names 'previous', which would not be there "
                "when it is needed: 'server.models_memory_mb' lets go of versions.",
                hint="Leave out one of the two.",
            )
        found[name] = ladder
    return found


def load_settings(file: Path | None) -> Settings:
    """Read the settings.

    Args:
        file: `fairlead.toml`; None for every default.

    Raises:
        ConfigError: names the key, what was expected and the nearest known key.
    """
    if file is None:
        return Settings()
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{file} cannot be read: {error}.") from None
    _check_keys(content, Settings, "", file)
    try:
        settings = _anchored(msgspec.convert(content, Settings), file.parent)
    except msgspec.ValidationError:
        raise ConfigError(f"{file}: {_wrong(content, Settings)}") from None
    _check_proxies(settings.server.proxies, file)
    check_urls(settings.server.store, settings.server.blobs)
    if settings.server.lookup:
        check_url(settings.server.lookup)
    _check_endpoints(settings, file)
    return settings


def _check_proxies(proxies: Iterable[str], file: Path) -> None:
    """Refuse what is no address: a word that nobody checks would be believed, or none."""
    for proxy in proxies:
        try:
            ip_network(proxy)
        except ValueError:
            raise ConfigError(
                f"{file}: 'server.proxies' names '{proxy}', which is no address.",
                hint="One is as '127.0.0.1', a network of them as '10.0.0.0/8'.",
            ) from None


def _wrong(value: Any, kind: Any, at: str = "") -> str:
    """Say which setting is not of its type, by its whole name."""
    if isinstance(value, dict) and get_origin(kind) is dict:
        inside = dict.fromkeys(value, get_args(kind)[1])
    elif isinstance(value, dict) and (table := _struct_of(kind)) is not None:
        inside = {field.encode_name: field.type for field in msgspec.structs.fields(table)}
    else:
        inside = {}
    for key in inside.keys() & value.keys() if inside else ():
        try:
            msgspec.convert(value[key], inside[key])
        except msgspec.ValidationError as error:
            if isinstance(value[key], dict):
                return _wrong(value[key], inside[key], f"{at}{key}.")
            return f"{at}{key} is not right: {str(error).partition(' - at ')[0]}."
    return f"{at.rstrip('.')} is not right."


def _check_endpoints(settings: Settings, file: Path) -> None:
    """Refuse metrics, rules, features, channels and plans that make no sense."""
    try:
        reference_of(settings.monitoring.reference)
        for endpoint, own in settings.endpoint.items():
            reference_of(own.reference or settings.monitoring.reference)
            check_metrics(endpoint, own.metric, rules(settings, endpoint))
            features_of(settings, endpoint)
            limits_of(endpoint, own.cache)
            told_of_decisions(settings, endpoint)
            if own.online is not None:
                online_of(endpoint, own.online)
        for name in settings.features:
            feature(settings, name)
        ladders(settings)
        for name, channel in settings.alerts.channel.items():
            check_channel(name, channel)
        schedules(settings)
        updates(settings, file.parent)
        for plan in settings.release.values():
            plan_of(plan)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error.message}", hint=error.hint) from None


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Settings whose files are named from the root, not from the folder of the file they are in."""
    server = _rooted(settings.server, ("tls_cert", "tls_key"), folder)
    channels = {
        name: _rooted(channel, ("url_file", "secret_file", "ca"), folder)
        for name, channel in settings.alerts.channel.items()
    }
    alerts = replace(settings.alerts, channel=channels)
    features = {
        name: _rooted(part, ("source",), folder) for name, part in settings.features.items()
    }
    endpoints = {
        name: replace(
            part,
            batch={own: rooted(one, folder) for own, one in part.batch.items()},
            update=None if part.update is None else rooted_update(part.update, folder),
        )
        for name, part in settings.endpoint.items()
    }
    return replace(settings, server=server, alerts=alerts, features=features, endpoint=endpoints)


def _rooted(part: P, named: tuple[str, ...], folder: Path) -> P:
    files = {name: getattr(part, name) for name in named}
    return replace(part, **{name: str(folder / file) for name, file in files.items() if file})


def _check_keys(value: Any, kind: Any, at: str, file: Path) -> None:
    """Refuse keys that are not known, naming the nearest that is."""
    if not isinstance(value, dict):
        return
    if get_origin(kind) is dict:
        for key, inner in value.items():
            _check_keys(inner, get_args(kind)[1], f"{at}{key}.", file)
        return
    kind = _struct_of(kind)
    if kind is None:
        return
    known = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, inner in value.items():
        if key not in known:
            close = nearest(key, known)
            hint = f"Did you mean '{at}{close}'?" if close else f"Known: {', '.join(known)}."
            raise ConfigError(
                f"{file}: there is no setting '{at}{key}'.",
                hint=hint_of(key) if kind is PlanSettings else hint,
            )
        _check_keys(inner, known[key], f"{at}{key}.", file)


def _struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """The table among the types that a setting may have."""
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one
    return None
