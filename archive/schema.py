"""The tables. Rows are facts: they are inserted once, and only `jobs.closed` and `states.state` ever change.

    meta                                          whose database this is, and of which version
    runs ─┬─ states                               the driver's state, one row per run, replaced by every ask and tell
          ├─ candidates ─┬─ parents
          │              └─ verdicts              at most one per candidate, in the order told
          └─ jobs ── job_candidates ── evaluations    an evaluation is of a candidate that its job asked about

Keys begin with the run, so that several runs share a database and none can point into another.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

APPLICATION = "savanna archive"
VERSION = 1
"""The content of `meta`. The version goes up whenever a table or the meaning of a column changes."""

metadata = MetaData()


def _of_run() -> Column[int]:
    return Column("run", Integer, ForeignKey("runs.id"), primary_key=True)


def _to(table: str, **columns: str) -> ForeignKeyConstraint:
    """A foreign key within the run: own column = column of `table`."""
    return ForeignKeyConstraint(
        ["run", *columns], [f"{table}.run", *(f"{table}.{column}" for column in columns.values())]
    )


meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("config", JSON, nullable=False),
    Column("created_at", String, nullable=False),  # ISO 8601: SQLite has no type that keeps a time zone
    Column("versions", JSON, nullable=False),
)

states = Table(
    "states",
    metadata,
    _of_run(),
    Column("state", JSON, nullable=False),
)

candidates = Table(
    "candidates",
    metadata,
    _of_run(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
    Column("source", Text, nullable=False),
    Column("emitter", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("structure", String, nullable=False),
    Column("behaviour", String, nullable=False),
)

parents = Table(
    "parents",
    metadata,
    _of_run(),
    Column("candidate", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),  # 0 is the main parent
    Column("parent", Integer, nullable=False),
    _to("candidates", candidate="id"),
    _to("candidates", parent="id"),
)

jobs = Table(
    "jobs",
    metadata,
    _of_run(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("purpose", String, nullable=False),
    Column("job", JSON, nullable=False),
    Column("closed", Boolean, nullable=False),
    Index("jobs_by_closed", "run", "closed"),
)

job_candidates = Table(
    "job_candidates",
    metadata,
    _of_run(),
    Column("job", Integer, primary_key=True, autoincrement=False),
    Column("candidate", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, nullable=False),  # the order of the job's programs
    _to("jobs", job="id"),
    _to("candidates", candidate="id"),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("id", Integer, primary_key=True),  # the order told
    Column("run", Integer, ForeignKey("runs.id"), nullable=False),
    Column("job", Integer, nullable=False),
    Column("candidate", Integer, nullable=False),
    Column("purpose", String, nullable=False),
    Column("task", String, nullable=False),
    Column("task_version", String, nullable=False),
    Column("seeds", JSON, nullable=False),
    Column("device", String, nullable=False),
    Column("sandbox", Integer, nullable=False),
    Column("initial_loss", Double),
    Column("result", JSON, nullable=False),
    UniqueConstraint("run", "candidate", "job"),
    _to("job_candidates", job="job", candidate="candidate"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Integer, primary_key=True),  # the order told
    Column("run", Integer, ForeignKey("runs.id"), nullable=False),
    Column("candidate", Integer, nullable=False),
    Column("outcome", String, nullable=False),
    Column("score", Double),
    Column("measures", JSON, nullable=False),
    UniqueConstraint("run", "candidate"),
    _to("candidates", candidate="id"),
)
