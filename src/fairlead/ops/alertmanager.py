"""Alertmanager's file: who is told of what, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fairlead.ops.yaml import yaml

CONFIG = "alertmanager.yml"


def write_alertmanager(folder: Path, webhooks: Sequence[str]) -> list[Path]:
    """Write the configuration.

    Args:
        folder: to write into; made if it is not there.
        webhooks: URLs that alerts are posted to.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = {"matchers": ['severity="page"'], "receiver": "fairlead"}
    config = {
        "route": {
            "receiver": "fairlead",
            "group_by": ["alertname", "endpoint"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": [{**page, "group_wait": "10s", "repeat_interval": "1h"}],
        },
        "inhibit_rules": [
            {  # who was woken needs no ticket of the same
                "source_matchers": ['severity="page"'],
                "target_matchers": ['severity="ticket"'],
                "equal": ["alertname", "endpoint"],
            },
        ],
        "receivers": [
            {
                "name": "fairlead",
                "webhook_configs": [{"url": url, "send_resolved": True} for url in webhooks],
            }
        ],
    }
    file = folder / CONFIG
    file.write_text(yaml(config), encoding="utf-8")
    return [file]
