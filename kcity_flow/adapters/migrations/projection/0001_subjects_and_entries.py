"""Subjects and entries."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "subjects",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("edition", sa.Integer, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("programme", sa.String, nullable=False),
        sa.Column("country", sa.String, nullable=False),
        sa.Column("city", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("contact", sa.String, nullable=False),
        sa.Column("waits_on", sa.String, nullable=False),
        sa.Column("next_due_at", sa.String),
        sa.Column("proposals", sa.Integer, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("view", sa.Text, nullable=False),
    )
    op.create_index("subjects_by_stage", "subjects", ["edition", "stage", "programme"])
    op.create_table(
        "entries",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("command", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("dest", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("recorded_at", sa.String, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
    )
    op.create_index("entries_by_command", "entries", ["command", "outcome"])
