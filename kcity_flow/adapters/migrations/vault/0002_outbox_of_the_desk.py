"""When a mail was last taken up, and what the desk did to it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add a column, its index and a table; the index of what is due gets the key, by which it is ordered."""
    op.add_column("outbox", sa.Column("claimed_at", sa.String))
    op.create_index("ix_outbox_claimed_at", "outbox", ["claimed_at"])
    op.drop_index("outbox_due", "outbox")
    op.create_index("outbox_due", "outbox", ["state", "next_attempt_at", "key"])
    op.create_table(
        "outbox_acts",
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("act", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("subject_line", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("ix_outbox_acts_key", "outbox_acts", ["key"])
