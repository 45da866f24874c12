import pytest

from programs import zoo
from programs.errors import RuleError
from programs.parse import parse
from programs.show import show


def test_the_zoo_holds_the_rules_that_everybody_compares_with() -> None:
    named = """
        sgd momentum nesterov adagrad adadelta rmsprop adam adamw adamax nadam nadamw amsgrad adabound adabelief lion
        signum powersign addsign grams cautious_adamw cautious_lion ademamix gravity sgd_sai adagrad_norm lars lamb
        adafactor momo muon adago mars mars_m shampoo sophia adahessian schedule_free_sgd schedule_free_adamw
        normalized_sgd prodigy dog
    """
    assert set(named.split()) <= set(zoo.names())
    assert list(zoo.names()) == sorted(zoo.names())


@pytest.mark.parametrize("name", zoo.names())
def test_every_rule_is_called_like_its_file_and_says_what_it_is_and_where_it_is_from(name: str) -> None:
    entry = zoo.entry(name)
    assert zoo.load(name).name == entry.name == name
    assert entry.summary.endswith(".")
    assert "Source" not in entry.summary
    assert any(character.isdigit() for character in entry.source), "a source has a year"
    assert "#" not in entry.summary + entry.source


@pytest.mark.parametrize("name", zoo.names())
def test_every_rule_is_read_back_as_it_is_shown(name: str) -> None:
    program = zoo.load(name)
    assert parse(show(program)) == program


def test_an_unknown_name_is_answered_with_those_that_come_close() -> None:
    for get in (zoo.load, zoo.entry):
        with pytest.raises(RuleError, match="no rule 'adm'") as caught:
            get("adm")
        assert caught.value.hint == "Did you mean adam or nadam or adamw?"


@pytest.mark.parametrize("name", ["../zoo/adam", "adam.rule", "", "Adam"])
def test_a_name_is_not_a_path(name: str) -> None:
    with pytest.raises(RuleError, match="no rule"):
        zoo.load(name)
