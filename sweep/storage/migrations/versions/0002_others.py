"""Version 0.2: whatever else is measured, as JSON; null in rows of version 0.1."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("sweep_measurements", sa.Column("others", sa.JSON))


def downgrade() -> None:
    op.drop_column("sweep_measurements", "others")
