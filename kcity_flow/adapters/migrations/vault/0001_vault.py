"""People, texts, outbox and intake journal."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "people",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("organisation", sa.String, nullable=False),
        sa.Column("language", sa.String, nullable=False),
    )
    op.create_table(
        "roles",
        sa.Column("role", sa.String, primary_key=True),
        sa.Column("person", sa.String, sa.ForeignKey("people.id"), primary_key=True),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
    )
    op.create_table(
        "texts",
        sa.Column("commitment", sa.String, primary_key=True),
        sa.Column("salt", sa.String),
        sa.Column("text", sa.Text),
    )
    op.create_table(
        "outbox",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("message_id", sa.String, nullable=False, unique=True),
        sa.Column("about", sa.String, nullable=False),
        sa.Column("template", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("subject_line", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("in_doubt", sa.Boolean, nullable=False),
        sa.Column("queued_at", sa.String, nullable=False),
        sa.Column("next_attempt_at", sa.String, nullable=False),
        sa.Column("claimed_by", sa.String, nullable=False),
        sa.Column("sent_at", sa.String),
        sa.Column("why", sa.String, nullable=False),
    )
    op.create_index("ix_outbox_about", "outbox", ["about"])
    op.create_index("outbox_due", "outbox", ["state", "next_attempt_at"])
    op.create_table(
        "journal",
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ref", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("number", sa.Integer),
        sa.Column("fingerprint", sa.String),
        sa.Column("received_at", sa.String),
        sa.Column("channel", sa.String),
        sa.Column("written_at", sa.String, nullable=False),
        sa.Column("previous", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.UniqueConstraint("year", "code", "number"),
        sa.UniqueConstraint("year", "code", "fingerprint"),
    )
    op.create_index("ix_journal_ref", "journal", ["ref"])
