"""Commands as they were first sent, until they are answered."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add their table."""
    op.create_table(
        "sendings",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("trigger", sa.String, nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
    )
