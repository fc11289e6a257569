"""Who sits at the command line."""

from __future__ import annotations

import os
import pwd

import pytest

from fairlead.app.user import user


def test_it_is_who_the_machine_says_not_who_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(name, "risk")
    assert user() == pwd.getpwuid(os.getuid()).pw_name


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    assert user() == "uid-2147483641"
