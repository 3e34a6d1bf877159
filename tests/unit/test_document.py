"""A decision goes out as a document, too: on the letterhead, in either language, the same on every machine."""

from datetime import UTC, datetime

import pytest

from kcity_flow.adapters.edition_files import load_edition, shipped
from kcity_flow.adapters.smtp import compose
from kcity_flow.letters import Letters
from kcity_flow.letters.checking import names
from kcity_flow.letters.document import DECISIONS, compiler, inputs, layout, pdf
from kcity_flow.letters.samples import NAMES, samples
from kcity_flow.letters.wording import LANGUAGES, Language
from tests.unit.test_postman import SENDER, read, row

AT = datetime(2021, 4, 30, 9, tzinfo=UTC)
EDITIONS = [load_edition(shipped()["2021"])]


def written(template: str, language: Language) -> tuple[str, str]:
    sample = next(samples(template, EDITIONS))
    return Letters().write(sample.letter, sample.view, sample.entry, NAMES[language], sample.texts, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", sorted(DECISIONS))
def test_every_decision_is_laid_out_without_a_word_of_complaint(template: str, language: Language):
    said = inputs(*written(template, language), language, AT)
    _, complaints = compiler().compile_with_warnings(layout(), format="pdf", sys_inputs=said)

    assert complaints == []


def test_a_decision_is_a_letter_that_there_is():
    assert set(names()) >= DECISIONS


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_letter_always_makes_the_same_document(language: Language):
    subject_line, body = written("result_selected", language)

    assert pdf(subject_line, body, language, AT) == pdf(subject_line, body, language, AT)


def test_a_document_is_named_and_dated_as_its_letter_and_brings_its_own_fonts():
    document = pdf(*written("result_selected", "ko"), "ko", AT)

    assert document.startswith(b"%PDF-")
    assert '<rdf:li xml:lang="x-default">선정 결과 통지(선정) [KC2021-PLA-0001]</rdf:li>'.encode() in document
    assert b"<xmp:CreateDate>2021-04-30T09:00:00+00:00</xmp:CreateDate>" in document
    assert [font in document for font in (b"+NotoSans-Regular", b"+NotoSansKR-Regular")] == [True, True]


def test_what_a_letter_quotes_is_not_read_as_markup():
    document = pdf("#panic() *x* [y]", 'Dear #panic() $x$,\n\n  Key:  #read("/etc/passwd")\n', "en", AT)

    assert b"#panic() *x* [y]" in document


def test_only_a_decision_brings_a_document():
    subject_line, body = written("result_selected", "en")
    decision = read(compose(row(template="result_selected", subject_line=subject_line, body=body), SENDER))
    (document,) = decision.iter_attachments()

    assert document.get_content_type() == "application/pdf"
    assert document.get_filename() == "KC2021-PLA-0001.pdf"
    assert document.get_content() == pdf(subject_line, body, "en", datetime.fromisoformat(row().queued_at))
    assert list(read(compose(row(), SENDER)).iter_attachments()) == []
