"""From settings to rules, and from alerts to words."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.alerts import DEFAULTS, RuleSettings, rules_of
from fairlead.alerts.compose import TEXT_ALERTS_MAX, TITLE_LENGTH_MAX, compose
from fairlead.app.settings import load_settings, rules
from fairlead.errors import ConfigError
from support.alerts import alert


def by_name(**tables: RuleSettings) -> dict[str, object]:
    return {rule.name: rule for rule in rules_of("churn", tables)}


def test_without_settings_pages_are_about_harm_and_movement_is_in_the_digest() -> None:
    found = {rule.metric: rule.severity for rule in rules_of("churn", {})[::-1]}
    pages = {metric for metric, severity in found.items() if severity == "page"}
    assert pages >= {"error_rate", "accuracy", "estimated_accuracy", "rmse", "estimated_rmse"}
    assert not pages & {"drift", "missing", "schema", "volume"}
    assert {found["missing"], found["schema"], found["volume"]} == {"ticket"}
    assert found["drift"] == "digest"
    assert all(rule.look_at and "ENDPOINT" not in rule.look_at for rule in rules_of("churn", {}))


def test_the_default_objectives_are_those_of_the_field() -> None:
    found = [rule.objective for rule in rules_of("churn", {}) if rule.objective]
    paces = [(p.factor, p.long_s / 3600, p.short_s / 3600) for o in found for p in o.paces]
    assert paces == [(14.4, 1, 1 / 12), (6, 6, 0.5), (1, 72, 6)]


def test_a_default_rule_is_switched_off_or_changed_by_its_name() -> None:
    assert "drift" not in by_name(drift=RuleSettings(enabled=False))
    changed = {r.name: r for r in rules_of("churn", {"errors": RuleSettings(objective=0.9)})}
    objective = changed["errors"].objective
    assert objective is not None
    assert (objective.target, len(objective.paces)) == (0.9, 2)
    assert changed["errors"].severity == "page"
    assert len(changed) == len(DEFAULTS)


SLOW = """
[endpoint.churn.alert.slow]
metric = "latency_p99_s"
above = 0.5
proven = true
for = "10m"
keep_for = "1h"
severity = "page"
subject = "churn:*"
"""


def test_a_rule_is_read_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "fairlead.toml"
    file.write_text(SLOW)
    slow = {rule.name: rule for rule in rules(load_settings(file), "churn")}["slow"]
    assert (slow.metric, slow.above, slow.proven) == ("latency_p99_s", 0.5, True)
    assert (slow.for_s, slow.keep_for_s) == (600, 3600)
    assert (slow.severity, slow.subject) == ("page", "churn:*")
    assert "slow" not in {rule.name for rule in rules(load_settings(file), "other")}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('metric = "a"', "a limit, an objective or a guard"),
        ('guard = "a"\nabove = 1.0', "a limit, an objective or a guard"),
        ('metric = "a"\nguard = "b"', "either 'metric' or 'guard'"),
        ("above = 1.0", "either 'metric' or 'guard'"),
        ('metric = "a"\nobjective = 0.9', "needs both"),
        (
            'metric = "a"\nobjective = 0.9\nburn = [{factor=2, long="5m", short="1h"}]',
            "longer than",
        ),
        ('metric = "a"\nobjective = 1.0\nburn = [{factor=2, long="1h", short="5m"}]', "objective"),
        ('guard = "a"\nproven = true', "without a limit"),
        ('guard = "a"\nfor = "soon"', "for"),
        ('guard = "a"\nhold = "10m"', "there is no setting"),
        ('guard = "a"\nseverity = "panic"', "severity"),
        ('guard = "a"\nseverty = "page"', "severity"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_its_name(
    tmp_path: Path, table: str, says: str
) -> None:
    file = tmp_path / "fairlead.toml"
    file.write_text(f"[endpoint.churn.alert.odd]\n{table}\n")
    with pytest.raises(ConfigError, match=says) as caught:
        load_settings(file)
    assert "endpoint.churn.alert.odd" in str(caught.value)


def test_files_of_a_channel_lie_beside_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "fairlead.toml"
    file.write_text('[alerts.channel.ops]\nurl = "https://a.example"\nsecret_file = "key"\n')
    assert load_settings(file).alerts.channel["ops"].secret_file == str(tmp_path / "key")
    file.write_text('[alerts.channel.ops]\nkind = "slack"\n')
    with pytest.raises(ConfigError, match=r"alerts\.channel\.ops"):
        load_settings(file)


def test_a_message_says_what_where_since_when_on_what_evidence_and_what_next() -> None:
    about = alert("firing", subject="age", version="churn:7", cause="crm", look_at="Ask the CRM.")
    message = compose("crm", [about], [])
    assert message.title == "[page] churn, age: It is firing."
    assert message.text.splitlines() == [
        "FIRING churn/errors/age (page)",
        "What: It is firing.",
        "Where: endpoint churn, age, version churn:7, caused by crm",
        "Since: 2027-01-15 08:00:00Z",
        "Evidence: value 0.9",
        "Look at: Ask the CRM.",
    ]


def test_a_message_about_several_begins_with_the_worst_and_is_not_endless() -> None:
    many = [alert("firing", subject=f"f{n}", severity="ticket") for n in range(40)]
    worst = alert("firing", subject="all")
    message = compose("crm", [*many, worst], [])
    assert message.severity == "page"
    assert message.title == "[page] churn: 41 alerts about crm"
    assert message.alerts[0] == worst
    assert len(message.alerts) == 41
    assert message.text.endswith(f"And {41 - TEXT_ALERTS_MAX} more.")
    over = compose("crm", [alert("firing", "resolved")], [alert("firing", subject="age")])
    assert over.title.startswith("[resolved]"), "that is what changed"
    assert "FIRING churn/errors/age" in over.text, "this goes on"


def test_names_from_outside_stay_on_their_line() -> None:
    odd = alert("firing", subject="a\nSubject: b\x00\u202e", cause="c\r\nd")
    message = compose("c\r\nd", [odd], [])
    assert message.title == "[page] churn, a Subject: b : It is firing."
    assert len(message.text.splitlines()) == 5
    assert len(compose("c", [alert("firing", subject="x" * 999)], []).title) == TITLE_LENGTH_MAX
