"""What Alembic runs for each command: it uses the connection that it was given."""

from alembic import context

from kerege.exchange.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
