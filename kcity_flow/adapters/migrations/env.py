"""Run by Alembic with the connection, tables and version table that ``Store.prepare`` puts into its configuration."""

from alembic import context

given = context.config.attributes
context.configure(
    connection=given["connection"],
    target_metadata=given["metadata"],
    version_table=given["version_table"],
    # SQLite cannot alter most of a table: Alembic then makes it anew.
    render_as_batch=True,
)
context.run_migrations()
