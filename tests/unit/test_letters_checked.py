"""Whoever mends a template is told what is wrong with it before a letter goes out: file, line, what to write."""

from pathlib import Path

import pytest

from kcity_flow.adapters.edition_files import load_edition, shipped
from kcity_flow.letters import SHIPPED, Letters
from kcity_flow.letters.checking import LettersAtFault, check, names
from kcity_flow.letters.samples import ALWAYS, OF_AN_EDITION, OF_BOTH, SOMETIMES, TOLD_BY

EDITIONS = [load_edition(path) for path in shipped().values()]


def faults(folder: Path) -> list[str]:
    """What is said of an installation's own templates, each by its path in their folder."""
    with pytest.raises(LettersAtFault) as refused:
        check(Letters(folder), EDITIONS[:1])
    return str(refused.value).replace(f"{folder}/", "").splitlines()


def mended(folder: Path, path: str, said: str, instead: str) -> Path:
    """An installation's folder with a copy of a template in which something is put otherwise."""
    text = (SHIPPED / path).read_text(encoding="utf-8")
    assert said in text
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text.replace(said, instead), encoding="utf-8")
    return folder


def test_every_shipped_letter_can_be_written_about_every_kind_of_subject():
    kinds = sum(len(edition.programmes) for edition in EDITIONS)
    about = {name: kinds * len(TOLD_BY.get(name, ("once",))) for name in names()}
    about |= dict.fromkeys(OF_BOTH, kinds + len(EDITIONS)) | dict.fromkeys(OF_AN_EDITION, len(EDITIONS))

    # In both languages, with everything stated and with no more than must be.
    assert check(Letters(), EDITIONS) == 2 * 2 * sum(about.values())


def test_a_sample_is_of_a_letter_that_there_is():
    assert {*ALWAYS, *SOMETIMES, *TOLD_BY, *OF_AN_EDITION, *OF_BOTH} <= set(names())


@pytest.mark.parametrize(
    ("path", "said", "instead", "sentence"),
    [
        ("en/claim_paid.j2", "data.claim", "data.clam",
         "en/claim_paid.j2, line 4: there is no field data.clam in this letter; write data.claim."),
        ("ko/result_selected.j2", "view.krw", "view.kwr",
         "ko/result_selected.j2, line 6: there is no field view.kwr in this letter; write view.krw."),
        ("en/_letter.j2", "Dear {{ name }}", "Dear {{ nmae }}",
         "en/_letter.j2, line 5: there is no field nmae; write name."),
        ("en/reminder.j2", "| due", "| dew", "en/reminder.j2, line 7: No filter named 'dew'; mend it there."),
        ("ko/late.j2", "{% endif %}", "{% endfi %}",
         "ko/late.j2, line 8: Encountered unknown tag 'endfi'. Jinja was looking for the following tags: "
         "'elif' or 'else' or 'endif'. The innermost block that needs to be closed is 'if'; mend it there."),
        ("en/thawed.j2", "_letter.j2", "_lettr.j2",
         "en/thawed.j2, line 1: there is no template _lettr.j2 to extend or include; name one that is there."),
        ("en/result_selected.j2", "view.krw | won", "view.waits_on",
         "en/result_selected.j2, line 6: about an application of planning, this cannot be written: view.waits_on is "
         "empty; ask first whether it `is defined`."),
        ("en/_objection.j2", "due_at is defined", "true",
         "en/_objection.j2, line 8: about an application of planning, with no more stated than must be, this cannot be "
         "written: the due date is empty; ask first whether it `is defined`."),
        ("ko/closed.j2", (SHIPPED / "ko/closed.j2").read_text("utf-8"), (SHIPPED / "en/closed.j2").read_text("utf-8"),
         "ko/closed.j2, line 1: the block subject is not in Korean; write it in Korean."),
        ("en/closed.j2", '{% extends', '\n{% extends',
         "en/closed.j2, line 1: The letter en/closed begins with '' and not with a subject line; extend _letter.j2 on "
         "the first line, and keep the block subject on one."),
        ("en/closed.j2", '{% extends', '\ufeff{% extends',
         "en/closed.j2, line 1: The letter en/closed begins with '\\ufeffSubject: The project has been closed [K' and "
         "not with a subject line; extend _letter.j2 on the first line, and keep the block subject on one."),
        ("en/closed.j2", "The project has", "The project\nhas",
         "en/closed.j2, line 1: the block subject is broken over lines; write it on one."),
        ("en/claim_paid.j2", "data.claim }}", "1 // 0 }}",
         "en/claim_paid.j2, line 4: about an application of planning, this cannot be written: integer division or "
         "modulo by zero; mend it there."),
        ("ko/closed.j2", (SHIPPED / "ko/closed.j2").read_text("utf-8"), "",
         "ko/closed.j2, line 1: about an application of planning, the block subject is empty; write what the "
         "letter says there."),
    ],
)  # fmt: skip
def test_a_fault_is_one_sentence_with_file_line_and_what_to_write(
    tmp_path: Path, path: str, said: str, instead: str, sentence: str
):
    assert faults(mended(tmp_path, path, said, instead)) == [sentence]


def test_a_file_that_takes_no_templates_place_is_named(tmp_path: Path):
    mended(tmp_path, "en/closed.j2", "closed", "over").joinpath("en/closed.j2").rename(tmp_path / "en" / "closd.j2")

    assert faults(tmp_path) == [
        "en/closd.j2, line 1: this file takes no template's place; name it en/closed.j2, or remove it."
    ]


def test_a_file_that_is_not_text_is_named(tmp_path: Path):
    mended(tmp_path, "en/closed.j2", "closed", "over").joinpath("en/closed.j2").write_bytes(b"\xff\xfe")

    assert faults(tmp_path) == ["en/closed.j2, line 1: this is not UTF-8; save it as such."]


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path):
    mended(tmp_path, "en/claim_paid.j2", "data.claim", "data.clam")
    mended(tmp_path, "ko/reminder.j2", "| due", "| dew")

    assert [fault.partition(",")[0] for fault in faults(tmp_path)] == ["en/claim_paid.j2", "ko/reminder.j2"]


def test_a_template_can_do_nothing_but_say(tmp_path: Path):
    assert "unsafe" in faults(mended(tmp_path, "en/closed.j2", "We thank", "{{ name.__class__.__mro__ }} We thank"))[0]
