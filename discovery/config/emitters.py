"""`emitters`: where candidates come from, and in what shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, PositiveInt, model_validator

from discovery.config.llm import LlmConfig
from discovery.config.section import Section
from discovery.config.types import CROSSING, OperatorName, Weight
from programs.edit import DEFAULT_WEIGHTS


class SymbolicConfig(Section):
    """Random edits of a parent.

    Attributes:
        weight: Share of the candidates, relative to the other emitters; 0 switches it off.
        edits: At most this many edits for one child.
        weights: How often each operator of `programs.operators` is tried; those not named keep the weight that
            `programs.edit` gives them.
    """

    weight: Weight = 1.0
    edits: PositiveInt = 2
    weights: Mapping[OperatorName, Weight] = Field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @property
    def operators(self) -> dict[str, float]:
        """The weight of every operator."""
        return {name: self.weights.get(name, weight) for name, weight in DEFAULT_WEIGHTS.items() if name != CROSSING}

    @model_validator(mode="after")
    def _edits_somehow(self) -> Self:
        if not any(self.operators.values()):
            raise ValueError("expected at least one operator with a weight above 0: there would be no edits")
        return self


class CrossoverConfig(Section):
    """Parts of one parent put into another.

    Attributes:
        weight: Share of the candidates, relative to the other emitters; 0 switches it off.
    """

    weight: Weight = 0.3


class ConstantsConfig(Section):
    """Changes of constants and of defaults of hyperparameters, nothing else.

    Attributes:
        weight: Share of the candidates, relative to the other emitters; 0 switches it off.
        edits: At most this many constants for one child.
    """

    weight: Weight = 0.3
    edits: PositiveInt = 2


class RandomConfig(Section):
    """Programs from nowhere.

    Attributes:
        weight: Share of the candidates, relative to the other emitters; 0 switches it off.
        size: At most this many instructions.
    """

    weight: Weight = 0.1
    size: Annotated[int, Field(ge=2)] = 12


class BanditConfig(Section):
    """Shares that follow what the emitters have brought in, per step of training.

    Attributes:
        enabled: Off: the weights are the shares, all the way.
        exploration: Share of the candidates that is still given out by the weights.
    """

    enabled: bool = True
    exploration: Annotated[float, Field(ge=0, le=1)] = 0.3


class EmittersConfig(Section):
    """Where candidates come from, and in what shares."""

    symbolic: SymbolicConfig = SymbolicConfig()
    crossover: CrossoverConfig = CrossoverConfig()
    constants: ConstantsConfig = ConstantsConfig()
    random: RandomConfig = RandomConfig()
    llm: LlmConfig = LlmConfig()
    bandit: BanditConfig = BanditConfig()

    @model_validator(mode="after")
    def _somebody_proposes(self) -> Self:
        everybody = (self.symbolic, self.crossover, self.constants, self.random, self.llm)
        if not any(emitter.weight for emitter in everybody):
            raise ValueError("expected at least one weight above 0: nobody would propose anything")
        return self
