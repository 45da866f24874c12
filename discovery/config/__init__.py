"""What a run is told: every key of the configuration file, with its type, its default and its limits.

In reading order:

- `run`: `load`, and `Config` with the short sections.
- `evaluation`, `fitness`, `noise`, `strategy`, `emitters`, `llm`, `execution`, `store`: the longer sections, one file
  each; `section` is what they have in common.
- `types`: the types of single values.
- `file`: reads a file with the places of its keys. `errors` words the mistakes. Neither knows a key by name.
"""

from discovery.config.emitters import (
    BanditConfig,
    ConstantsConfig,
    CrossoverConfig,
    EmittersConfig,
    RandomConfig,
    SymbolicConfig,
)
from discovery.config.evaluation import EvaluationConfig, RungConfig
from discovery.config.execution import ExecutorConfig
from discovery.config.file import ConfigError
from discovery.config.fitness import FitnessConfig
from discovery.config.llm import BreakerConfig, CriticConfig, LimitsConfig, LlmConfig, ModelConfig, PriceConfig
from discovery.config.noise import NoiseConfig
from discovery.config.run import ArchiveConfig, BudgetConfig, Config, ReportConfig, load
from discovery.config.store import StoreConfig
from discovery.config.strategy import IslandsConfig, StrategyConfig

__all__ = [
    "ArchiveConfig",
    "BanditConfig",
    "BreakerConfig",
    "BudgetConfig",
    "Config",
    "ConfigError",
    "ConstantsConfig",
    "CriticConfig",
    "CrossoverConfig",
    "EmittersConfig",
    "EvaluationConfig",
    "ExecutorConfig",
    "FitnessConfig",
    "IslandsConfig",
    "LimitsConfig",
    "LlmConfig",
    "ModelConfig",
    "NoiseConfig",
    "PriceConfig",
    "RandomConfig",
    "ReportConfig",
    "RungConfig",
    "StoreConfig",
    "StrategyConfig",
    "SymbolicConfig",
    "load",
]
