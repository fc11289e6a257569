"""What settings say of who answers is checked when they are read, and by the models they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.app.constants import check_constants
from fairlead.app.settings import ladders, load_settings
from fairlead.app.workspace import Workspace
from fairlead.errors import ConfigError
from support.models import package_churn


def settings_of(folder: Path, text: str) -> Path:
    file = folder / "fairlead.toml"
    file.write_text(text)
    return file


def test_an_endpoint_without_an_order_has_none(tmp_path: Path) -> None:
    file = settings_of(tmp_path, '[endpoint.a]\nanswer = ["live"]\n[endpoint.b]\n')
    assert [*ladders(load_settings(file))] == ["a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[endpoint.a]\nanswer = ["live", "cached"]', "[endpoint.a.cache]"),
        ('[endpoint.a]\nanswer = ["lives"]', "'live'"),
        (
            '[server]\nmodels_memory_mb = 9\n[endpoint.a]\nanswer = ["live", "previous"]',
            "models_memory_mb",
        ),
    ],
)
def test_what_makes_no_sense_names_the_file_and_the_key(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(settings_of(tmp_path, text))
    assert said in str(caught.value)
    assert caught.value.message.startswith(str(tmp_path))


def test_a_constant_is_checked_against_the_model_that_will_answer(tmp_path: Path) -> None:
    order = '[endpoint.churn]\nanswer = ["live", "constant"]\nconstant = '
    settings_of(tmp_path, order + "{ score = 1.0 }")
    home = tmp_path / ".fairlead"
    check_constants(Workspace(home))  # nothing answers there yet
    package_churn(home)
    with pytest.raises(ConfigError, match="'label' is missing"):
        check_constants(Workspace(home), ["churn:1"])
    settings_of(
        tmp_path, order + '{ label = "left", probabilities = { left = 1.0, stayed = 0.0 } }'
    )
    check_constants(Workspace(home), ["churn:1"])
