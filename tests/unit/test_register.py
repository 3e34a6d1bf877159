from pathlib import Path
from unittest.mock import Mock

import pytest
import sqlalchemy as sa

from kcity_flow.adapters.register import Register
from kcity_flow.adapters.stores import StoreFailed, alembic_config
from kcity_flow.adapters.vault import Vault
from kcity_flow.domain.messages import Batch, Outcome
from tests.unit.paper import AT, REF, batch, entry, view


@pytest.fixture
def register(tmp_path: Path):
    register = Register(f"sqlite:///{tmp_path / 'register.db'}")
    register.prepare()
    yield register
    register.close()


def test_what_is_projected_is_read_back_whole(register: Register):
    told = batch(1, krw=500_000_000, scores={"score": "81 1/3"}, waiting_proposals=(1,), next_due_at=AT)

    register.project(told)

    assert register.view(REF) == told.view
    assert register.entries(REF) == list(told.entries)
    assert register.entry(REF, 1) == told.entries[0]


def test_ledgers_are_those_by_which_something_was_done_each_whole_and_in_order(register: Register):
    asked = {"command": "set_terms", "outcome": Outcome.PROPOSED}
    ledgers = {
        "KC2021-PLA-0002": [entry(2, "KC2021-PLA-0002", command="set_terms"), entry(1, "KC2021-PLA-0002")],
        "KC2021-PLA-0001": [entry(1), entry(2, command="set_terms"), entry(3, command="flag")],
        "KC2021-PLA-0003": [entry(1, "KC2021-PLA-0003"), entry(2, "KC2021-PLA-0003", **asked)],
        "KC2022-PLA-0001": [entry(1, "KC2022-PLA-0001", command="set_terms")],
    }
    for ref, entries in ledgers.items():
        of = view(len(entries), ref, edition=int(ref[2:6]))
        register.project(Batch(entries=tuple(entries), letters=(), view=of))

    assert register.ledgers(2021, "set_terms") == [ledgers["KC2021-PLA-0001"], ledgers["KC2021-PLA-0002"][::-1]]


def test_a_batch_told_twice_changes_nothing(register: Register):
    register.project(batch(1))
    once = register.dump()

    register.project(batch(1))

    assert register.dump() == once


def test_an_entry_stays_as_it_was_first_told(register: Register):
    register.project(batch(1))

    register.project(Batch(entries=(entry(1, dest="withdrawn"),), letters=(), view=view(1)))

    assert register.entries(REF) == [entry(1)]


def test_a_view_never_goes_back(register: Register):
    register.project(batch(2, stage="screening"))
    register.project(batch(1, stage="received"))

    assert register.view(REF) == view(2, stage="screening")
    assert [known.number for known in register.entries(REF)] == [1, 2]


def test_a_batch_of_letters_alone_renews_the_view(register: Register):
    register.project(batch(1))

    register.project(Batch(entries=(), letters=(), view=view(1, next_timer="screening")))

    assert register.view(REF) == view(1, next_timer="screening")


def test_two_registers_told_the_same_in_another_order_say_the_same(register: Register, tmp_path: Path):
    other = Register(f"sqlite:///{tmp_path / 'other.db'}")
    other.prepare()
    told = [batch(number) for number in (1, 2, 3)]

    for one, another in zip(told, reversed(told), strict=True):
        register.project(one)
        other.project(another)

    assert register.dump() == other.dump()
    other.close()


def test_a_register_that_lacks_an_entry_says_something_else(register: Register):
    register.project(batch(1))
    before = register.dump()
    register.project(batch(2))

    assert register.dump() != before


def test_subjects_are_narrowed_by_what_is_given(register: Register):
    for number, (stage, city) in enumerate(
        [("received", "Tbilisi"), ("screening", "Gaziantep"), ("screening", "Bogotá")], 1
    ):
        ref = f"KC2021-PLA-000{number}"
        register.project(
            Batch(
                entries=(entry(1, ref),),
                letters=(),
                view=view(1, ref, stage=stage, city=city, next_due_at=AT.replace(day=number)),
            )
        )

    def cities(*args: object, **given: object) -> list[str]:
        return [found.city for found in register.subjects(*args, **given)]  # type: ignore[arg-type]

    assert cities() == ["Tbilisi", "Gaziantep", "Bogotá"]
    assert cities(2021, "screening") == ["Gaziantep", "Bogotá"]
    assert cities(2020) == []
    assert cities(programme="solution") == []
    assert cities(closed=True) == []


def test_a_refused_command_with_a_strange_name_is_taken_in(register: Register):
    strange = entry(1, command="a\0b" * 20, outcome=Outcome.REFUSED)

    register.project(Batch(entries=(strange,), letters=(), view=view(1)))

    assert register.entries(REF) == [strange]


def test_a_register_is_replaced_all_at_once_or_not_at_all(register: Register, monkeypatch: pytest.MonkeyPatch):
    other = Register("sqlite://")
    other.prepare()
    other.project(batch(1))
    other.project(batch(2, stage="screening"))
    register.project(batch(1, city="Elsewhere"))
    before = register.dump()

    with monkeypatch.context() as halfway:
        halfway.setattr(sa.engine.MappingResult, "partitions", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            register.replace(other)
    assert register.dump() == before

    register.replace(other)
    assert register.dump() == other.dump()
    other.close()


def test_a_locked_register_says_so_in_a_sentence(register: Register, monkeypatch: pytest.MonkeyPatch):
    impatient = Register(str(register.url))
    impatient.engine.dispose()
    sa.event.listen(impatient.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=1"))

    with (
        register.writing(),
        pytest.raises(StoreFailed, match=r"cannot be written: database is locked\. Another program"),
    ):
        impatient.project(batch(1))
    impatient.close()


def test_a_full_disk_says_so_and_leaves_nothing_behind(register: Register):
    with register.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    with pytest.raises(StoreFailed, match=r"database or disk is full\. Free space"):
        register.project(Batch(entries=tuple(entry(n) for n in range(1, 200)), letters=(), view=view(199)))

    assert register.dump() == {}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(StoreFailed, match=r"file/register\.db"):
        Register(f"sqlite:///{tmp_path / 'file' / 'register.db'}").prepare()


def test_a_store_of_a_later_version_is_not_touched(register: Register):
    with register.writing() as connection:
        connection.exec_driver_sql("UPDATE projection_version SET version_num = '9999'")

    with pytest.raises(StoreFailed, match="another version of this program"):
        register.prepare()


@pytest.mark.parametrize("kind", [Register, Vault])
def test_migrations_make_the_tables_the_program_expects(kind: type[Register | Vault], tmp_path: Path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    store = kind(f"sqlite:///{tmp_path / 'store.db'}")
    store.prepare()

    with store.writing() as connection:
        options = {"version_table": f"{store.name}_version", "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, store.metadata) == []
        script = ScriptDirectory.from_config(alembic_config(store, connection))
        assert script.get_current_head() == store.head
    store.close()


def test_an_up_to_date_store_starts_without_alembic(register: Register):
    """Importing it costs more than everything else a start does."""
    import subprocess
    import sys

    program = (
        "import sys; from kcity_flow.adapters.register import Register; "
        f"Register({str(register.url)!r}).prepare(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_nobody_else_may_read_a_store(register: Register):
    assert Path(str(register.url.database)).stat().st_mode & 0o077 == 0
