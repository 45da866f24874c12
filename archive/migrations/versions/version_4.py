"""Version 4: what the funnel measures and finds out, and who has seen the test tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Three new tables; nothing that was there changes."""
    op.create_table(
        "measurements",
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("job", sa.JSON, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.Column("told_at", sa.Double, nullable=False),
    )
    op.create_table(
        "stages",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("candidate", sa.Integer),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.UniqueConstraint("run", "stage", "key", name="stages_run_stage_key_key"),
        sa.ForeignKeyConstraint(["run", "candidate"], ["candidates.run", "candidates.id"]),
    )
    op.create_table(
        "looks",
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("candidate", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("looked_at", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(["run", "candidate"], ["candidates.run", "candidates.id"]),
    )
