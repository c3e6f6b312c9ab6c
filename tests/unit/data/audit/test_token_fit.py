"""How texts fit a tokenizer, against its own count of each text."""

import json

import numpy as np

from tunesmith import compose
from tunesmith.data.audit.audit import look_through, read_leniently
from tunesmith.tasks.registry import task_of

TEXTS = [f"the plot number {number} is quiet and the actors are good" for number in range(60)]
TEXTS += [f"a long story {number} " + "of a day and one more day " * (5 + number) for number in range(8)]
TEXTS += ["a snowman \u2603 at the door", "\u2603 \u2602 and \u2603 \u9f98"]


def audited(tmp_path, tokenizer, *overrides):
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"text": text, "label": "ab"[number % 2]}) for number, text in enumerate(TEXTS)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = compose(["data=jsonl", f"data.path={path}", "data.max_length=40", *overrides]).config
    task = task_of(config.task)
    return look_through(read_leniently(config.data, task), config.data, task, tokenizer=tokenizer)


def test_figures_and_findings_are_those_of_the_tokenizer(tmp_path, tokenizer):
    seen = audited(tmp_path, tokenizer)
    ids = [tokenizer(text)["input_ids"] for text in TEXTS]
    lengths = sorted(map(len, ids))
    unknown = [row.count(tokenizer.unk_token_id) for row in ids]
    assert sum(unknown) > 0
    assert seen.tokens == {
        "num_texts": len(TEXTS),
        "tokens_per_word": round(sum(lengths) / sum(len(text.split()) for text in TEXTS), 2),
        "unknown_fraction": round(sum(unknown) / sum(lengths), 5),
        "median": np.quantile(lengths, 0.5, method="nearest"),
        "p95": np.quantile(lengths, 0.95, method="nearest"),
        "longest": lengths[-1],
    }
    counts = seen.counts()
    assert counts["cut"] == sum(length > 40 for length in lengths) > 0
    assert counts["unknown_tokens"] == sum(count > 0 for count in unknown)
    longest = next(finding for finding in seen.findings if finding.kind == "cut").examples[0]
    assert longest.startswith(f"{lengths[-1]} tokens: line 68 ")


def test_texts_that_are_divided_are_not_cut(tmp_path, tokenizer):
    seen = audited(tmp_path, tokenizer, "task=language_modeling", "model=tiny_causal")
    assert seen.skipped["cut"] == "long texts are divided"
    assert seen.tokens["num_texts"] == len(TEXTS)


def test_without_a_model_nothing_is_said_of_tokens(tmp_path):
    seen = audited(tmp_path, None)
    assert seen.tokens == {}
    assert {"cut", "unknown_tokens"} <= seen.skipped.keys()
