"""A small season on the server that skips time: it ends as planned, and leaves nothing that is not as it should be."""

import asyncio
import json

import pytest

from kcity_flow.adapters.edition_files import read_edition
from kcity_flow.rehearsal.html import page
from kcity_flow.rehearsal.season import Season, play_season
from kcity_flow.settings import Settings

APPLICATIONS, SEED = 6, 7


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Season:
    folder = tmp_path_factory.mktemp("season")
    settings = Settings.read(var_dir=folder)
    return asyncio.run(play_season(read_edition("2021"), APPLICATIONS, SEED, folder=folder, settings=settings))


def test_it_ends_as_the_dry_run_did(season):
    assert season.report.digest == season.plan.digest


def test_histories_replay_the_register_agrees_and_nothing_personal_is_in_them(season):
    assert season.faults == ()
    assert season.report.register_matches
    assert season.report.replayed.histories == APPLICATIONS + 1
    assert season.report.replayed.failures == 0


def test_every_mail_went_out_once(season):
    assert season.report.mails.sent == len(season.mailed_at) > 100
    assert season.report.mails.duplicate == 0


def test_no_illegal_move_and_no_place_too_many(season):
    assert (season.report.illegal_moves, season.report.over_quota) == (0, 0)
    assert season.report.pauses_wrong == 0 < season.report.pauses_checked
    assert sum(season.report.by_stage.values()) == APPLICATIONS


def test_the_report_has_what_was_promised(season):
    assert list(json.loads(season.report.model_dump_json())) == [
        "applications", "by_stage", "selected", "moves_covered", "moves_reachable", "moves_total", "refusals",
        "illegal_moves", "over_quota", "framework", "pauses_checked", "pauses_wrong", "mails", "replayed",
        "register_matches", "simulated_days", "wall_seconds", "digest", "contracts", "paid_krw",
        "extensions",
    ]  # fmt: skip


def test_the_page_needs_nothing_but_itself(season):
    html = page(season)

    assert html.startswith("<!doctype html>")
    assert not any(word in html for word in ("http://", "https://", "<script", "<link", "src="))
    assert season.report.digest in html
