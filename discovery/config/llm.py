"""`emitters.llm`: which language models propose rules, what they are asked, and what that may cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from discovery.config.section import Section
from discovery.config.types import Endpoint, Name, Some, Weight

Kind = Literal["rewrite", "combine", "aim", "fix", "simplify", "invent"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class PriceConfig(Section):
    """What a model costs, in any one currency, per million tokens.

    Attributes:
        prompt: Of what is sent.
        answer: Of what is written.
    """

    prompt: NonNegativeFloat = 0.0
    answer: NonNegativeFloat = 0.0


class ModelConfig(Section):
    """One model behind one server that speaks the chat protocol of OpenAI.

    Attributes:
        model: What the server calls it.
        name: What tables call it; null for `model`.
        base_url: Where the server is, with its `/v1`.
        api_key_env: The environment variable that holds the key; the key itself never stands in a configuration.
        api_key_file: A file that holds the key; null for both where the server wants none.
        weight: Share of the calls, relative to the other models; a bandit moves it.
        form: What it answers with: a whole `rule`; an `edit` of the parent, in a few commands; or one `line`, whose
            place is drawn at random: the most that a tiny model can do.
        grammar: How the server is told what an answer may be: `gbnf` for llama.cpp and its kind, `json_schema` for
            servers with structured outputs, `none` for those with neither.
        operations: How much a prompt says of the table of operations: everything, the names, or nothing.
        temperature: Of its sampling.
        max_tokens: Longest answer.
        price: What it costs.
        concurrency: Calls in flight.
        deadline: Seconds for one call, its repetitions included.
        retries: How often a call is repeated after a rate limit or an error of the server, with longer and longer
            pauses.
    """

    model: Annotated[str, Field(min_length=1)]
    name: Name | None = None
    base_url: Endpoint = "https://api.openai.com/v1"
    api_key_env: Annotated[str, Field(min_length=1)] | None = None
    api_key_file: Annotated[str, Field(min_length=1)] | None = None
    weight: Annotated[float, Field(gt=0)] = 1.0
    form: Literal["rule", "edit", "line"] = "rule"
    grammar: Literal["none", "gbnf", "json_schema"] = "none"
    operations: Literal["full", "names", "none"] = "full"
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.9
    max_tokens: Annotated[int, Field(ge=8, le=32_768)] = 700
    price: PriceConfig = PriceConfig()
    concurrency: Annotated[int, Field(ge=1, le=64)] = 2
    deadline: PositiveFloat = 120.0
    retries: NonNegativeInt = 4

    @property
    def label(self) -> str:
        """What it is called in tables and in the archive."""
        return self.name or self.model

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.api_key_env is not None and self.api_key_file is not None:
            raise ValueError("expected api_key_env or api_key_file, not both")
        return self


class LimitsConfig(Section):
    """When no more calls are made; null for no such limit. What is in flight counts as if it cost the most it can.

    Attributes:
        money: In the currency of the prices.
        calls: Questions to any model, repairs and criticism included.
        tokens: Sent and written.
    """

    money: NonNegativeFloat | None = None
    calls: NonNegativeInt | None = None
    tokens: NonNegativeInt | None = None


class BreakerConfig(Section):
    """When a server counts as gone.

    Attributes:
        failures: Calls in a row that fail before it is left alone for a while.
        pause: Seconds until one call tries again; twice as long each time.
        give_up: So many pauses in a row, and it is not tried again in this run.
    """

    failures: PositiveInt = 3
    pause: PositiveFloat = 15.0
    give_up: PositiveInt = 4


class CriticConfig(Section):
    """A second call that says how likely a proposal is to be worth a training.

    Attributes:
        mode: `off`; `watch` to ask and only compare with what is measured; `veto` to drop the hopeless as well.
        model: The name of the model that is asked; null for the one that proposed.
        threshold: Probability below which a veto falls.
        spared: Share of the vetoed that is measured all the same, so that the critic can be found out.
    """

    mode: Literal["off", "watch", "veto"] = "off"
    model: str | None = None
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.2
    spared: Annotated[float, Field(ge=0, le=1)] = 0.2


class LlmConfig(Section):
    """Language models that propose rules.

    Attributes:
        weight: Share of the candidates, relative to the other emitters; 0 switches it off.
        models: Whom to ask.
        kinds: How often each kind of prompt is used; those not named keep the weight 1, and 0 switches one off.
        scores: Whether prompts carry scores per task.
        feedback: Whether prompts say what measurements say about a rule, beyond its scores.
        inspirations: Elites of other cells that a prompt shows.
        insights: Notes on what was tried in this run that a prompt shows; 0 for none.
        ideas: What `invent` is to start from; null for those that come with the program.
        patient: Whether the search waits where a model has its turn and no answer has come, instead of giving the turn
            to another emitter: for comparisons at equal evaluations, where time does not count.
        repair: Whether an answer that is no rule goes back once, with the parser's message.
        exploration: Share of the calls that is given out by the weights of models and kinds alone.
        tokens_per_training: So many tokens count as one training of the reference, where gains are set against costs.
        money_per_training: So much money does; null to count tokens alone.
        critic: Whether somebody looks at proposals before they are measured.
        limits: What may be spent.
        breaker: When a server counts as gone.
        replay: A run whose stored answers are given again, in place of any server; null for servers.
    """

    weight: Weight = 0.0
    models: Annotated[Some[ModelConfig], Field(max_length=64)] = ()
    kinds: Mapping[Kind, Weight] = Field(default_factory=dict)
    scores: bool = True
    feedback: bool = True
    inspirations: Annotated[int, Field(ge=0, le=8)] = 1
    insights: Annotated[int, Field(ge=0, le=40)] = 5
    ideas: Annotated[Some[str], Field(min_length=1)] | None = None
    patient: bool = False
    repair: bool = True
    exploration: Annotated[float, Field(ge=0, le=1)] = 0.3
    tokens_per_training: PositiveFloat = 20_000.0
    money_per_training: PositiveFloat | None = None
    critic: CriticConfig = CriticConfig()
    limits: LimitsConfig = LimitsConfig()
    breaker: BreakerConfig = BreakerConfig()
    replay: Name | None = None

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @property
    def kind_weights(self) -> dict[Kind, float]:
        """The weight of every kind of prompt."""
        return {kind: self.kinds.get(kind, 1.0) for kind in KINDS}

    @model_validator(mode="after")
    def _somebody_is_asked_something(self) -> Self:
        if self.weight > 0 and self.replay is None and not self.models:
            raise ValueError("expected at least one of models, or replay: there is nobody to ask")
        if not any(self.kind_weights.values()):
            raise ValueError("expected at least one kind with a weight above 0: there would be nothing to ask")
        labels = [model.label for model in self.models]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"two models are called {label!r}; give one of them another name")
        if self.critic.model is not None and self.critic.model not in labels:
            raise ValueError(f"the critic's model {self.critic.model!r} is not among models: {', '.join(labels)}")
        return self
