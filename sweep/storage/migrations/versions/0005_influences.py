"""Version 0.5: by how much each held-out image moves a confirmed score."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "sweep_influences",
        sa.Column(
            "trial_id",
            sa.Integer,
            sa.ForeignKey("trials.trial_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("judged", sa.LargeBinary, nullable=False),
        sa.Column("influence", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("sweep_influences")
