"""Options that several commands take."""

from __future__ import annotations

import click

reason_option = click.option("--reason", default="", help="Why; for whoever looks at it later.")
