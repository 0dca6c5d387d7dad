"""The version of a new database's tables, written as Alembic does, whose import takes longer."""

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table


def stamp(connection: Connection, table: str, version: str) -> None:
    """Makes the table that Alembic looks for its version in, which is not there yet."""
    made = Table(
        table,
        MetaData(),
        Column("version_num", String(32), nullable=False),
        PrimaryKeyConstraint("version_num", name=f"{table}_pkc"),
    )
    made.create(connection)
    connection.execute(made.insert().values(version_num=version))
