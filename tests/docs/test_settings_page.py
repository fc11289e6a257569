"""The page of settings lists every key, with its default."""

from __future__ import annotations

import re
import tomllib

from docs.pages import ROOT
from fairlead.alerts import AlertsSettings, ChannelSettings, RuleSettings
from fairlead.app.own_metrics import MetricSettings
from fairlead.app.settings import EndpointSettings, ServerSettings, Settings
from fairlead.app.settings_shown import describe
from fairlead.features import FeatureSettings
from fairlead.learning import OnlineSettings
from fairlead.releases import PlanSettings
from fairlead.schedules import BatchSettings
from fairlead.updates import UpdateSettings

PAGE = ROOT / "docs" / "guides" / "settings.md"
ROW = re.compile(r"^\| `(\w+\.[\w.]+)` \| (.*?) \| \S.* \|$", re.MULTILINE)
IN_WORDS = {"none", "as in `[server]`", "one for each core, at most 4"}


def test_every_key_is_listed_with_its_default() -> None:
    listed = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
    known = Settings(
        server=ServerSettings(),
        endpoint={
            "NAME": EndpointSettings(
                alert={"RULE": RuleSettings()},
                metric={"METRIC": MetricSettings()},
                batch={"SCHEDULE": BatchSettings()},
                online=OnlineSettings(),
                update=UpdateSettings(),
            )
        },
        features={"NAME": FeatureSettings()},
        alerts=AlertsSettings(channel={"NAME": ChannelSettings()}),
        release={"NAME": PlanSettings()},
    )
    assert listed.keys() == {name for name, _, _ in describe(known)}
    for name, value, _ in describe(known):
        if listed[name] in IN_WORDS:
            assert value == "" or name == "server.workers", name
        else:
            written = tomllib.loads(f"default = {listed[name].strip('`')}")["default"]
            assert str(written) == value, name
