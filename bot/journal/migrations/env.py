"""What alembic runs for every step: on the connection it was given, all steps in one transaction."""

from __future__ import annotations

from alembic import context

from bot.journal.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
