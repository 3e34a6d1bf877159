"""What staff type to see to the wording of letters."""

import json
from pathlib import Path

import pytest

from kcity_flow.interfaces.cli import run

FAULT = "en/claim_paid.j2, line 4: there is no field data.clam in this letter; write data.claim."


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installation's own templates."""
    folder = tmp_path / "letters"
    (folder / "en").mkdir(parents=True)
    monkeypatch.setenv("KCITY_LETTERS_DIR", str(folder))
    monkeypatch.setenv("KCITY_VAR_DIR", str(tmp_path / "var"))
    return folder


def claim_paid(folder: Path, claim: str = "data.claim") -> None:
    text = '{% extends "_letter.j2" %}\n{% block subject %}Money is on its way{% endblock %}\n{% block body %}\n'
    (folder / "en" / "claim_paid.j2").write_text(f"{text}Claim {{{{ {claim} }}}} is paid.\n{{% endblock %}}\n")


def test_a_template_of_ones_own_takes_the_place_of_the_shipped_one(own: Path, capsys: pytest.CaptureFixture[str]):
    claim_paid(own)

    assert run(["letters", "check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["letters"] > 1000
    assert run(["letters", "preview", "claim_paid", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["subject_line"] == "Money is on its way [KC2021-PLA-0001]"
    assert "\nClaim 3 is paid.\n" in shown["text"]


@pytest.mark.parametrize("command", [["letters", "check"], ["up"]])
def test_nothing_starts_with_a_template_that_cannot_be_used(
    own: Path, capsys: pytest.CaptureFixture[str], command: list[str]
):
    claim_paid(own, "data.clam")

    assert run(command) == 1
    assert capsys.readouterr().err == f"{own}/{FAULT}\n"
    assert not (own.parent / "var" / "server.json").exists()


def test_a_folder_that_is_not_there_is_named(monkeypatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("KCITY_LETTERS_DIR", str(tmp_path / "away"))

    assert run(["letters", "check"]) == 2
    assert capsys.readouterr().err == (
        f"KCITY_LETTERS_DIR names {tmp_path / 'away'}, which is no folder; make it or unset it.\n"
    )


def test_a_letter_is_shown_in_either_language_and_as_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    page = tmp_path / "letter.html"

    assert run(["letters", "preview", "result_selected", "--language", "ko", "--html", str(page)]) == 0
    assert capsys.readouterr().out.startswith("Subject: 선정 결과 통지(선정) [KC2021-PLA-0001]\n\n니노 베리제 귀하\n")
    assert "<td>500,000,000원</td>" in page.read_text(encoding="utf-8")


def test_a_misspelt_letter_is_asked_about(capsys: pytest.CaptureFixture[str]):
    assert run(["letters", "preview", "result_selectd"]) == 2
    assert capsys.readouterr().err == "There is no letter 'result_selectd'; did you mean result_selected?\n"
