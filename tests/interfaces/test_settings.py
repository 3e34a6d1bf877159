"""Every choice comes from the environment, once, and a bad one is named in a sentence."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from kcity_flow.settings import BadSetting, Settings


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KCITY_")]:
        monkeypatch.delenv(name)


def test_a_fresh_checkout_needs_no_settings():
    settings = Settings.read()

    assert settings.var_dir == Path(__file__).parents[2] / "var"
    assert settings.register_url == f"sqlite:///{settings.var_dir}/register.db"
    assert settings.documents == settings.var_dir / "documents"
    assert settings.temporal_address is None


def test_an_empty_variable_is_an_unset_one(monkeypatch):
    monkeypatch.setenv("KCITY_SMTP_PORT", "")

    assert Settings.read().smtp_port == 587


def test_kinds_of_letters_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("KCITY_HOLD_LETTERS", "result_selected, result_not_selected,")

    assert Settings.read().hold_letters == ("result_selected", "result_not_selected")


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError):
        Settings.read().namespace = "other"


def test_postgresql_is_spoken_to_through_the_driver_that_is_installed(monkeypatch):
    monkeypatch.setenv("KCITY_DATABASE_URL", "postgresql://kcity@db.example/kcity")

    assert Settings.read().register_url == "postgresql+psycopg://kcity@db.example/kcity"


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("KCITY_SMTP_PORT", "none", "valid integer"),
        ("KCITY_SMTP_PORT", "70000", "less than 65536"),
        ("KCITY_SMTP_PER_MINUTE", "0", "greater than 0"),
        ("KCITY_HOLD_LETTERS", "result_selected,result_slected", "no letter 'result_slected'; did you mean result_sel"),
        ("KCITY_HOLD_LETTERS", "_letter", "there is no letter '_letter'"),
        ("KCITY_SMTP_SECURITY", "ssl", "'none', 'starttls' or 'tls'"),
        ("KCITY_TEMPORAL_ADDRESS", "temporal.example", "HOST:PORT"),
        ("KCITY_DATABASE_URL", "mysql://kcity", "sqlite: or postgresql:"),
        ("KCITY_MAIL_FROM", "the desk", "mail address"),
        ("KCITY_MAIL_FROM", "desk@kcity.example\nBcc: all@kcity.example", "mail address"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_its_variable(monkeypatch, variable, value, reason):
    monkeypatch.setenv(variable, value)

    with pytest.raises(BadSetting) as refused:
        Settings.read()

    sentence = str(refused.value)
    assert sentence.startswith(f"{variable} cannot be used: ")
    assert reason in sentence
    assert "\n" not in sentence


def test_a_bad_value_is_not_shown_for_it_may_hold_a_password(monkeypatch):
    monkeypatch.setenv("KCITY_DATABASE_URL", "mysql://kcity:hunter2@db.example/kcity")

    with pytest.raises(BadSetting) as refused:
        Settings.read()

    assert "hunter2" not in str(refused.value)


def test_a_misspelt_variable_is_refused_and_not_ignored(monkeypatch):
    monkeypatch.setenv("KCITY_TEMPORAL_ADRESS", "127.0.0.1:7233")

    with pytest.raises(BadSetting, match="did you mean KCITY_TEMPORAL_ADDRESS"):
        Settings.read()
