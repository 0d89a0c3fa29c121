"""Runs the migrations on the caller's connection, or prints them as SQL.

The transaction is the caller's.
"""

from alembic import context

from profile_infra.stores.tables import Row

if context.is_offline_mode():
    context.configure(
        dialect_name=context.config.attributes["dialect"],
        target_metadata=Row.metadata,
        transactional_ddl=False,
        literal_binds=True,
    )
else:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Row.metadata,
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
with context.begin_transaction():
    context.run_migrations()
