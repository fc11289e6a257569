"""Where the home is, whose it may be, and what its settings say."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from fairlead.app.home import Home, find_home
from fairlead.app.settings import Settings, load_settings
from fairlead.app.settings_shown import describe
from fairlead.errors import ConfigError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with no home named."""
    monkeypatch.delenv("FAIRLEAD_HOME", raising=False)
    folder = tmp_path / "project" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def owned_by_another(path: Path, monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    """Let a path seem to be another user's."""
    looking = Path.stat

    def looks(self: Path, **options: bool) -> os.stat_result:
        found = looking(self, **options)
        if self != path:
            return found
        fields = list(found)
        fields[stat.ST_UID] = uid
        return os.stat_result(fields)

    monkeypatch.setattr(Path, "stat", looks)


def test_without_any_the_home_is_made_where_one_stands(here: Path) -> None:
    home = find_home()
    assert home.path == here / ".fairlead"
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700


@pytest.mark.parametrize("mark", [".fairlead", "fairlead.toml"])
def test_the_nearest_home_upward_is_used(here: Path, mark: str) -> None:
    project = here.parent
    (project / mark).mkdir() if mark == ".fairlead" else (project / mark).touch()
    assert find_home().path == project / ".fairlead"


def test_what_is_given_goes_before_the_environment_and_that_before_the_rest(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / ".fairlead").mkdir()
    monkeypatch.setenv("FAIRLEAD_HOME", str(tmp_path / "named"))
    assert find_home().path == tmp_path / "named"
    assert find_home(tmp_path / "given").path == tmp_path / "given"


def test_a_home_of_another_user_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / ".fairlead").mkdir()
    owned_by_another(here / ".fairlead", monkeypatch, os.getuid() + 1)
    with pytest.raises(ConfigError, match="another user"):
        find_home()


def test_settings_of_another_user_are_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = here.parent / "fairlead.toml"
    settings.write_text('[server]\nstore = "sqlite:///elsewhere"\n')
    owned_by_another(settings, monkeypatch, os.getuid() + 1)
    with pytest.raises(ConfigError, match="another user"):
        find_home()


def test_settings_of_the_administrator_are_taken(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = here.parent / "fairlead.toml"
    settings.touch()
    owned_by_another(settings, monkeypatch, 0)
    assert find_home().settings_file == settings


def test_a_home_that_cannot_be_made_is_named(here: Path) -> None:
    (here / "file").touch()
    with pytest.raises(ConfigError, match="file"):
        find_home(here / "file" / "home")


def test_settings_lie_beside_a_fairlead_folder_and_inside_any_other(tmp_path: Path) -> None:
    beside, inside = tmp_path / ".fairlead", tmp_path / "state"
    inside.mkdir()
    (inside / "fairlead.toml").touch()
    assert Home(beside).settings_file is None
    assert Home(inside).settings_file == inside / "fairlead.toml"


def test_a_home_may_have_any_name(tmp_path: Path) -> None:
    home = find_home(tmp_path / "a b%20ü#?")
    assert "%23" in home.store_url
    assert home.journals.is_dir()


def load(tmp_path: Path, content: str) -> Settings:
    file = tmp_path / "fairlead.toml"
    file.write_text(content)
    return load_settings(file)


def test_no_file_is_every_default() -> None:
    assert load_settings(None) == Settings()
    assert Settings().server.host == "127.0.0.1", "nothing is open to others unasked"


def test_a_file_sets_what_it_names(tmp_path: Path) -> None:
    settings = load(
        tmp_path, '[server]\nport = 9000\nlog_full = "stop"\n[endpoint.churn]\nlog_full = "stop"\n'
    )
    assert (settings.server.port, settings.server.control_port) == (9000, 8081)
    assert settings.endpoint["churn"].log_full == "stop"
    rows = {name: (value, source) for name, value, source in describe(settings)}
    assert rows["server.port"] == ("9000", "fairlead.toml")
    assert rows["server.host"] == ("127.0.0.1", "default")
    assert rows["endpoint.churn.log_full"] == ("stop", "fairlead.toml")
    assert msgspec.json.decode(msgspec.json.encode(settings), type=Settings) == settings


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[server]\nprot = 1", "Did you mean 'server.port'?"),
        ("[sever]\nport = 1", "Did you mean 'server'?"),
        ("[endpoint.churn]\nlog_ful = 'stop'", "endpoint.churn.log_ful"),
        ("[server]\nport = 65536", "server.port"),
        ("[server]\nport = -1", "server.port"),
        ("[server]\nport = '80'", "server.port"),
        ("[server]\nport = true", "server.port"),
        ("[server]\nworkers = 0", "server.workers"),
        ("[server]\ndeadline_s = 0", "server.deadline_s"),
        ("[server]\ndeadline_s = nan", "server.deadline_s"),
        ("[server]\nlog_full = 'perhaps'", "server.log_full"),
        ("server = 5", "server"),
        ("[server]\nstore = 'mysql://host/db'", "server.store"),
        ("[server]\nstore = 'memory:'", "do not share"),
        ("[server]\nblobs = 'ftp://host'", "server.blobs"),
        ("[server", "cannot be read"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "cannot be read"),
    ],
)
def test_what_is_wrong_in_the_settings_is_named(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, content)
    assert says in str(refused.value)
