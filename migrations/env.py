"""Alembic's entry: runs the migrations on the connection that worker.jobs.database.upgrade opened."""

from alembic import context

from worker.jobs.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
