"""How Alembic runs our migrations: in the transaction that `normsweep.storage.migrate` began."""

from alembic import context

from normsweep.storage.migrate import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
