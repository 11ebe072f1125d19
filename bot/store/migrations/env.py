"""Alembic's entry point. It is only ever run by `upgrade` in bot/gateway/migrate.py, which hands it a connection."""

from alembic import context

from bot.store.desk_tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter a table in place.
    render_as_batch=True,
    # So that a migration may build an index on PostgreSQL while others read and write.
    transaction_per_migration=True,
    user_module_prefix="",
)
with context.begin_transaction():
    context.run_migrations()
