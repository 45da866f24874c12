"""What every rule of the zoo is compared with, as data.

Two references that are not ours where there are two; a formula written out here counts as one. Where references
disagree, the paper's formula decides, and the note says so.
"""

from __future__ import annotations

from evaluators.references import elementwise_checks, matrixwise_checks, modelwise_checks
from evaluators.references.compare import Check

_TABLES = (elementwise_checks.CHECKS, modelwise_checks.CHECKS, matrixwise_checks.CHECKS)

CHECKS: dict[str, Check] = {check.rule: check for table in _TABLES for check in table}
"""By the name of the rule."""
