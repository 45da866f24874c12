"""One script per version of the archive, named after the version that it makes; Alembic finds and runs them.

- `version_2`: several drivers per run, revisions of verdicts, late tells.
- `version_3`: calls of language models.
- `version_4`: measurements, results and looks of the funnel.
"""
