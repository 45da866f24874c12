"""Version 2: several drivers per run, each with its own state; verdicts may be revised; late tells are kept."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = None


def upgrade() -> None:
    """The single state of a run becomes that of its driver `main`, which holds all its jobs.

    In the configuration, `emitters.symbolic.tournament` is `strategy.tournament` now.
    """
    op.add_column("runs", sa.Column("turn", sa.Integer, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("driver", sa.String, nullable=False, server_default="main"))
    op.add_column("jobs", sa.Column("attempt", sa.Integer, nullable=False, server_default="1"))
    op.add_column("evaluations", sa.Column("budget", sa.Double, nullable=False, server_default="1"))
    unnamed = {"uq": "%(table_name)s_%(column_0_N_name)s_key"}  # PostgreSQL gave it this name, SQLite none
    with op.batch_alter_table("verdicts", naming_convention=unnamed) as verdicts:
        verdicts.add_column(sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
        verdicts.drop_constraint("verdicts_run_candidate_key", type_="unique")
        verdicts.create_unique_constraint("verdicts_run_candidate_revision_key", ["run", "candidate", "revision"])
    drivers = op.create_table(
        "drivers",
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("session", sa.String, nullable=False),
        sa.Column("heartbeat_at", sa.Double, nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
    )
    states = sa.table("states", sa.column("run", sa.Integer), sa.column("state", sa.JSON))
    given = [states.c.run, sa.literal("main"), sa.literal(uuid.uuid4().hex), sa.literal(0.0), states.c.state]
    started = sa.exists().where(sa.table("candidates", sa.column("run")).c.run == states.c.run)
    names = ["run", "name", "session", "heartbeat_at", "state"]
    op.execute(sa.insert(drivers).from_select(names, sa.select(*given).where(started)))
    op.drop_table("states")
    op.create_table(
        "late_tells",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("job", sa.Integer, nullable=False),
        sa.Column("driver", sa.String, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("told_at", sa.Double, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.ForeignKeyConstraint(["run", "job"], ["jobs.run", "jobs.id"]),
    )
    runs = sa.table("runs", sa.column("id", sa.Integer), sa.column("config", sa.JSON))
    connection = op.get_bind()
    for run, config in connection.execute(sa.select(runs)).all():
        tournament = config.get("emitters", {}).get("symbolic", {}).pop("tournament", None)
        if tournament is not None:
            config["strategy"] = {"tournament": tournament}
            connection.execute(sa.update(runs).where(runs.c.id == run).values(config=config))
