"""How Alembic runs our migrations: in the transaction that `sweep.storage.migrate` began."""

from alembic import context

from sweep.storage.migrate import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
