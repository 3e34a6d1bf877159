"""The language a letter is written in, and the dates it brings."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add both to the outbox; what waits there was written in English and brings none."""
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("language", sa.String, nullable=False, server_default="en"))
        outbox.add_column(sa.Column("dates", sa.Text, nullable=False, server_default=sa.text("''")))
