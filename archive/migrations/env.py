"""Alembic's entry: runs the scripts within the transaction of the connection given in its configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.migration import MigrationContext, MigrationInfo
from sqlalchemy import update

from archive.schema import meta, metadata


def _stamp(ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]) -> None:  # noqa: ARG001 - Alembic passes them by name
    """Write the version where `archive.identity` looks for it."""
    version = step.up_revision_id
    connection = ctx.connection
    assert connection is not None
    connection.execute(update(meta).where(meta.c.key == "version").values(value=version))
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA user_version = {int(str(version))}")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    on_version_apply=_stamp,
)
context.run_migrations()
