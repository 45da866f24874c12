"""The tables. Rows are facts: they are inserted once. Only `runs.turn`, `drivers` and a job's lease and end change.

    meta                                          whose database this is, and of which version
    runs ─┬─ drivers                              who drives it: session, heartbeat and state, replaced by every turn
          ├─ candidates ─┬─ parents
          │              └─ verdicts              one per candidate and revision, in the order told
          ├─ jobs ── job_candidates ── evaluations    an evaluation is of a candidate that its job asked about
          ├─ calls                                what language models were asked and answered
          ├─ late_tells                           what came from a driver that had lost the job by then
          └─ measurements, stages, looks          what the funnel measured and found out, and who saw the test tasks

Keys begin with the run, so that several runs share a database and none can point into another. A change here is a new
version, and needs a script in `archive/migrations/versions`.
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
VERSION = 4
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

alembic_version = Table(  # as Alembic makes and reads it
    "alembic_version",
    metadata,
    Column("version_num", String(32), primary_key=True),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("config", JSON, nullable=False),
    Column("created_at", String, nullable=False),  # ISO 8601: SQLite has no type that keeps a time zone
    Column("versions", JSON, nullable=False),
    Column("turn", Integer, nullable=False, server_default="0"),  # how many there were: a gap means news
)

drivers = Table(
    "drivers",
    metadata,
    _of_run(),
    Column("name", String, primary_key=True),
    Column("session", String, nullable=False),  # of the process that may write under this name
    Column("heartbeat_at", Double, nullable=False),  # seconds since 1970 by the database's clock
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
    Column("driver", String, nullable=False, server_default="main"),  # who works on it, or closed it
    Column("attempt", Integer, nullable=False, server_default="1"),
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
    Column("budget", Double, nullable=False, server_default="1"),
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
    Column("revision", Integer, nullable=False, server_default="0"),
    UniqueConstraint("run", "candidate", "revision", name="verdicts_run_candidate_revision_key"),
    _to("candidates", candidate="id"),
)

late_tells = Table(
    "late_tells",
    metadata,
    Column("id", Integer, primary_key=True),  # the order told
    Column("run", Integer, ForeignKey("runs.id"), nullable=False),
    Column("job", Integer, nullable=False),
    Column("driver", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("told_at", Double, nullable=False),
    Column("report", JSON, nullable=False),
    _to("jobs", job="id"),
)

calls = Table(
    "calls",
    metadata,
    Column("id", Integer, primary_key=True),  # the order settled
    Column("run", Integer, ForeignKey("runs.id"), nullable=False),
    Column("driver", String, nullable=False),
    Column("exchange", Integer, nullable=False),  # calls about one proposal have one number
    Column("tick", Integer, nullable=False),
    Column("purpose", String, nullable=False),
    Column("model", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("prompt", JSON, nullable=False),
    Column("answer", Text, nullable=False),
    Column("request", JSON, nullable=False),  # what it takes to read the answer as a rule
    Column("outcome", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("answer_tokens", Integer, nullable=False),
    Column("cost", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("candidate", Integer),
    Index("calls_by_candidate", "run", "candidate"),
    _to("candidates", candidate="id"),
)

measurements = Table(
    "measurements",
    metadata,
    _of_run(),
    Column("digest", String, primary_key=True),  # of the job: the same question is asked once
    Column("stage", String, nullable=False),
    Column("job", JSON, nullable=False),
    Column("report", JSON, nullable=False),
    Column("told_at", Double, nullable=False),
)

stages = Table(
    "stages",
    metadata,
    Column("id", Integer, primary_key=True),  # the order told
    Column("run", Integer, ForeignKey("runs.id"), nullable=False),
    Column("stage", String, nullable=False),
    Column("candidate", Integer),  # null where it is about the whole run
    Column("key", String, nullable=False),  # of what was asked
    Column("passed", Boolean, nullable=False),
    Column("document", JSON, nullable=False),
    UniqueConstraint("run", "stage", "key", name="stages_run_stage_key_key"),
    _to("candidates", candidate="id"),
)

looks = Table(
    "looks",
    metadata,
    _of_run(),
    Column("candidate", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),  # 1 is the look; any further one was refused
    Column("key", String, nullable=False),  # of what was to be looked at
    Column("looked_at", Double, nullable=False),
    _to("candidates", candidate="id"),
)
