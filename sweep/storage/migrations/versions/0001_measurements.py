"""Version 0.1: one row per trial, fold and step."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "sweep_measurements",
        sa.Column(
            "trial_id",
            sa.Integer,
            sa.ForeignKey("trials.trial_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("fold", sa.Integer, primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("fid", sa.Float(53), nullable=False),
        sa.Column("kid", sa.Float(53), nullable=False),
        sa.Column("generator_loss", sa.Float(53), nullable=False),
        sa.Column("discriminator_loss", sa.Float(53), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("sweep_measurements")
