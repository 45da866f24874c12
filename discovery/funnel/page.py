"""A certificate for people: one page of Markdown with its pictures beside it, from the JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from discovery.race.tables import Rows, markdown
from discovery.scoring import REFERENCE

_WORDS = ("better", "worse", "not distinguishable", "failed")
_SAYS = {
    "better": "Better than",
    "worse": "Worse than",
    "not distinguishable": "Not distinguishable from",
    "failed": "Not comparable, because one of the two failed, with",
}


def page(document: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    """The page.

    Args:
        document: As `certificate` makes it.
        pictures: File names by what they show.
    """
    parts = [
        _head(document),
        _statements(document),
        _rule(document),
        _luck(document),
        _elsewhere(document, pictures),
        _tuned(document, pictures),
        _simplified(document),
        _speed(document, pictures),
        _maps(document, pictures),
        _test(document, pictures),
        _exported(document),
        _basis(document),
    ]
    return "\n\n".join(part for part in parts if part).strip() + "\n"


def _head(document: Mapping[str, Any]) -> str:
    run, rule = document["run"], document["rule"]
    found = (
        f"Found in {run['candidates']:,} candidates on {', '.join(run['tasks'])}. One of {document['tried']} of this "
        "run that were put into the funnel; every interval below is corrected for that."
    )
    lines = [f"# Certificate of `{rule['name']}`, candidate {run['candidate']} of the run {run['name']}", "", found]
    if document["rejected"]:
        lines += ["", f"**Rejected.** {document['rejected']}. What was measured nevertheless is below."]
    return "\n".join(lines)


def _statements(document: Mapping[str, Any]) -> str:
    where = {"test": "On the sealed test tasks, with hyperparameters taken from other tasks", "tuned": "Tuned alike"}
    lines = ["## What may be said"]
    for stage, words in document["statements"].items():
        said = [f"{_SAYS[word]} {', '.join(words[word])}" for word in _WORDS if words[word]]
        lines.append(f"- {where[stage]}: {'; '.join(said)}.")
    if not document["statements"]:
        lines.append("Nothing beyond the stages below: it came no further.")
    return "\n".join(lines)


def _rule(document: Mapping[str, Any]) -> str:
    rule = document["rule"]
    measures = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in document["measures"].items())
    near = [
        f"- `{each['name']}` (mean cosine of the steps {each['cosine']:.3f}, {each['verdict']}): {each['differs']}"
        for each in document["relatives"]
    ]
    line = [f"{each['candidate']} ({each['note'] or each['emitter']})" for each in reversed(document["lineage"])]
    return "\n".join(
        [
            "## The rule",
            "",
            "```python",
            rule["source"].rstrip(),
            "```",
            "",
            f"By its text: {measures}.",
            "",
            "Nearest known rules:",
            "",
            *near,
            "",
            f"Lineage: {' → '.join(line)}.",
            "",
            "As the search found it:",
            "",
            "```python",
            rule["found_as"].rstrip(),
            "```",
        ]
    )


def _luck(document: Mapping[str, Any]) -> str:
    fresh, bias = document["fresh"], document["selection_bias"]
    if not fresh:
        return ""
    lines = ["## 1. Fresh seeds", "", f"Against AdamW with the same learning-rate search: {_interval(fresh['fresh'])}."]
    if fresh["search_score"] is not None:
        lines.append(f"The search had scored it {fresh['search_score']:.3f}.")
    if bias and bias["mean"] is not None:
        width = f" [{bias['low']:+.3f}, {bias['high']:+.3f}]" if bias["low"] is not None else ""
        lines.append(f"Selection bias of the {bias['rules']} rules measured here: {bias['mean']:+.3f}{width}.")
    return "\n".join(lines)


def _elsewhere(document: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    validated, transfer = document["validation"], document["transfer"]
    lines = ["## 2. Validation tasks"]
    if validated:
        rows = [("task", "against AdamW", "")]
        rows += [(task, _numbers(each), each["word"]) for task, each in validated["tasks"].items()]
        rows.append(("all", _numbers(validated["overall"]), validated["overall"]["word"]))
        lines += ["", markdown(rows).rstrip()]
    if transfer:
        ranks, curve = transfer["ranks"], transfer["curve"]
        if ranks["rho"] is not None:
            correlation = f"{ranks['rho']:.2f} [{ranks['low']:.2f}, {ranks['high']:.2f}]"
            over = f"over {ranks['pairs']} rules of the run"
            lines += ["", f"Rank correlation of search and validation scores {over}: {correlation}."]
        onset = curve["onset"]
        began = f"Meta-overfitting began by evaluation {onset} of {curve['evaluations']}."
        never = "No sign of meta-overfitting: no later leader is worse on the validation tasks than an earlier one."
        lines += ["", never if onset is None else began]
    lines += _picture(pictures, "overfitting", "Best search score and its validation score")
    return "\n".join(lines) if len(lines) > 1 else ""


def _tuned(document: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    tuning, settings = document["tuning"], document["settings"]
    if not tuning:
        return ""
    rules, standing = tuning["rules"], tuning["standing"]
    own = next(name for name in rules if name not in standing["overall"])
    rows: list[tuple[str, ...]] = [("setting", *(f"`{name}`" for name in rules))]
    for setting, found in standing["by_setting"].items():
        rows.append((setting, *(_choice(rules[name]["choices"].get(setting), found.get(name)) for name in rules)))
    told = (
        f"{settings['trials']} trials of the same tuner for every rule on every setting, over learning rate, weight "
        f"decay and its own hyperparameters, {settings['tuning_seeds']} seeds each; then the best choice with "
        f"{settings['final_seeds']} other seeds, the same for all. Final losses at the end of the decay, at the tuned "
        f"learning rate; ▲ where {own} is better, ▼ where it is worse, by a corrected interval."
    )
    table = markdown(rows).rstrip()
    lines = ["## 3. Equal tuning", "", told, "", table, "", *_against(standing["overall"])]
    lines += _picture(pictures, "tuned", "Scores against other rules")
    return "\n".join(lines)


def _simplified(document: Mapping[str, Any]) -> str:
    simplified = document["simplification"]
    if not simplified:
        return ""
    told = (
        f"Kept where training shows, on {document['settings']['simplify_seeds']} paired seeds, that the loss is not "
        f"higher by {simplified['margin']:.0%} (Holm's correction within a round)."
    )
    lines = ["## 4. Simplification", "", told]
    rows: list[tuple[str, ...]] = [("change", "loss", "p", "looked at, tested")]
    rows += [
        (f"`{step['what']}`", f"{step['excess']:+.2%}", f"{step['p']:.1e}", f"{step['looked_at']}, {step['tests']}")
        for step in simplified["steps"]
    ]
    lines += ["", markdown(rows).rstrip() if len(rows) > 1 else "Nothing could be left out."]
    if simplified["taken_back"]:
        back = ", ".join(f"`{step['what']}`" for step in simplified["taken_back"])
        lines += ["", f"Taken back, because it did not repeat on further seeds: {back}."]
    if simplified["confirmed"]:
        confirmed = simplified["confirmed"]
        lines += ["", f"On further seeds: loss {confirmed['excess']:+.2%} (p {confirmed['p']:.1e})."]
    return "\n".join(lines)


def _speed(document: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    lines = ["## Speed and memory", ""]
    for each in document["speedup"]:
        if each["steps"] is None:
            lines.append(f"- {each['setting']}: does not reach tuned AdamW's final loss in twice its steps.")
            continue
        width = f" [{each['low']:.2f}, {each['high']:.2f}]" if each["low"] is not None else ""
        time = f", {each['time']:.2f} in measured time" if each["time"] is not None else ""
        least = "at least " if each["curve"][0][1] <= each["target"] else ""
        sooner = f"{least}{each['steps']:.2f}{width} times fewer steps"
        lines.append(f"- {each['setting']}: {sooner} to its final loss{time}.")
    for each in document["speedup"]:
        mine, theirs = (1e6 * seconds for seconds in each["seconds_per_step"])
        lines.append(f"- One step of training on {each['setting']}, all of it: {mine:.0f} µs, AdamW {theirs:.0f} µs.")
    lines.append(f"- Kept between steps: {document['measures']['memory_per_weight']:g} numbers per weight.")
    lines += _picture(pictures, "speedup", "Final loss by length of training")
    return "\n".join(lines)


def _picture(pictures: Mapping[str, str], key: str, what: str) -> list[str]:
    """A paragraph with a picture, where there is one."""
    return ["", f"![{what}]({pictures[key]})"] if key in pictures else []


def _maps(document: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    if "maps" not in pictures:
        return ""
    rows: list[tuple[str, ...]] = [("learning rates within 5 % of the best, in decades", "this rule", "AdamW")]
    mine, theirs = document["maps"]["rule"]["variants"], document["maps"][REFERENCE]["variants"]
    rows += [
        (place, f"{own:.1f}", f"{known:.1f}")
        for place, own, known in zip(mine["down"], mine["decades"], theirs["decades"], strict=True)
    ]
    table = markdown(rows).rstrip()
    return f"## Sensitivity\n\n{table}\n\n![Loss over learning rates, weight decays and variants]({pictures['maps']})"


def _test(document: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    tested = document["test"]
    if not tested:
        return "## 5. Test tasks\n\nNot looked at."
    told = (
        f"{', '.join(tested['tasks'])}; sealed until here, and seen once. Nobody was tuned on them: every rule with "
        f"the median of its choices and the same learning-rate search, {document['settings']['test_seeds']} seeds."
    )
    lines = ["## 5. Test tasks", "", told, "", *_against(tested["overall"])]
    lines += _picture(pictures, "test", "Scores on the test tasks")
    return "\n".join(lines)


def _exported(document: Mapping[str, Any]) -> str:
    exported = document["exported"]
    if not exported:
        return ""
    held = "It does what was measured" if exported["passed"] else "It does not do what was measured"
    told = (
        f"`{exported['class_name']}` in [{exported['file']}]({exported['file']}), tried in a process of its own on "
        f"{exported['task']} at the learning rate {exported['learning_rate']:.2g}, with {len(exported['measured'])} "
        f"seeds of the equal tuning. {held}: {exported['reason']}."
    )
    return f"## The exported file\n\n{told}"


def _basis(document: Mapping[str, Any]) -> str:
    settings = document["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"]["promotion"].items())
    data = ", ".join(f"{name} {version}" for name, version in document["versions"]["tasks"].items())
    told = (
        f"Validation: {', '.join(settings['validation']) or 'none'}. Tuned on: {', '.join(settings['tuned'])}, each "
        f"also as {', '.join(settings['variants']) or 'nothing else'}. Test: {', '.join(settings['tests']) or 'none'}. "
        f"Share of the tasks' steps: {settings['budget']:g}. Isolation level {document['sandbox']}; device "
        f"{document['device']}; {versions}. Versions of the tasks: {data}. All intervals of one table hold together "
        f"with {1 - document['level']:.0%} confidence (Student's over paired seeds, Bonferroni's correction); they say "
        "nothing about other tasks."
    )
    return f"## What it rests on\n\n{told}"


def _against(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    rows: Rows = [("against", "loss of the other over its own", "")]
    rows = [*rows, *((f"`{name}`", _numbers(each), each["word"]) for name, each in found.items())]
    yield markdown(rows).rstrip()


def _choice(choice: Mapping[str, Any] | None, found: Mapping[str, Any] | None) -> str:
    if choice is None or not choice["losses"]:
        return "failed"
    losses: Sequence[float] = list(choice["losses"].values())
    sign = {"better": " ▲", "worse": " ▼"}.get(found["word"], "") if found else ""
    return f"{sum(losses) / len(losses):.3f} @ {choice['learning_rate']:.1e}{sign}"


def _interval(found: Mapping[str, Any]) -> str:
    return f"{_numbers(found)}, {found['word']}"


def _numbers(found: Mapping[str, Any]) -> str:
    at = found["interval"]
    if at["score"] is None:
        return "-"
    return f"{at['score']:.3f}" + (f" [{at['low']:.3f}, {at['high']:.3f}]" if at["low"] is not None else "")
