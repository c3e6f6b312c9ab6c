"""Every task from its file to its metrics: trainings of seconds, then evaluate, predict, reproduce."""

import csv
import json
import math
import random
import re
from pathlib import Path

import pytest
import torch
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score, mean_absolute_error, mean_squared_error

from tunesmith import compose, load_model, load_run, train
from tunesmith.errors import ConfigError, DataError
from tunesmith.evaluation.entities import EntityF1
from tunesmith.evaluation.text_scores import exact_match, token_f1
from tunesmith.tasks.registry import task_named, task_of
from tunesmith.training.reproduce import check_origins, rerun

WORDS = ("the", "a", "film", "story", "plot", "actor", "scene", "great", "awful", "dull", "warm")


def texts(num_rows, seed=0):
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randrange(1, 12))) for _ in range(num_rows)]


def csv_file(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def jsonl_file(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def overrides(cache_dir, tmp_path):
    """A run of a second on a file, for a task."""

    def of(task, path, *more, model="tiny_encoder"):
        return [
            f"data={path.suffix[1:]}",
            f"task={task}",
            f"data.path={path}",
            f"data.cache_dir={cache_dir}",
            "data.max_length=32",
            "data.batch_size=8",
            "data.micro_batch_size=4",
            f"model={model}",
            "optimizer.lr=3e-3",
            "trainer=cpu",
            "trainer.threads=1",
            "trainer.matmul_precision=highest",
            "trainer.max_epochs=1",
            "logger=none",
            f"run.root={tmp_path / 'runs'}",
            *more,
        ]

    return of


def run_of(overrides):
    return train(compose(overrides))


def assert_it_can_be_used_again(record, inside, tmp_path):
    """Evaluation gives the run's own metrics and predictions, and a rerun the same bits."""
    done = inside("evaluate", record.path, "--split", "val")
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip().splitlines()[-1])
    metrics = json.loads((folder / "results.json").read_text())["metrics"]
    kept = {name: value for name, value in record.metrics.items() if name.startswith("val/")}
    assert metrics == pytest.approx(kept, rel=1e-6, nan_ok=True)
    predictions = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    assert [row["prediction"] for row in predictions] == [row["prediction"] for row in record.predictions("val")]
    assert rerun(check_origins(record)).bit_identical


@pytest.mark.slow
def test_pairs_of_sentences_are_told_apart_by_type(overrides, tmp_path):
    """The same two texts in the other order are other inputs, as for the plain tokenizer."""
    draw = texts(60)
    rows = [
        (one, other, ["no", "yes"][number % 2])
        for number, (one, other) in enumerate(zip(draw, draw[::-1], strict=True))
    ]
    path = csv_file(tmp_path / "pairs.csv", ("first", "second", "label"), rows)
    chosen = overrides("classification", path, "data.text_column=first", "data.text_pair_column=second")
    record = run_of(chosen)

    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(record.directory.model).eval()
    tokenizer = AutoTokenizer.from_pretrained(record.directory.model)
    for row in record.predictions("val"):
        one, other, label = rows[int(row["id"])]
        encoded = tokenizer(one, other, truncation=True, max_length=32, return_tensors="pt")
        assert row["label"] == label
        with torch.no_grad():
            assert model(**encoded).logits[0].tolist() == pytest.approx(row["logits"], abs=1e-5)
            encoded["token_type_ids"] = torch.zeros_like(encoded["token_type_ids"])
            assert model(**encoded).logits[0].tolist() != pytest.approx(row["logits"], abs=1e-5)


@pytest.mark.slow
def test_pairs_are_predicted_from_files_and_lines(overrides, tmp_path, inside, command):
    rows = [(text, text[::-1], "ab"[number % 2]) for number, text in enumerate(texts(40))]
    path = csv_file(tmp_path / "pairs.csv", ("text", "second", "label"), rows)
    record = run_of(overrides("classification", path, "data.text_pair_column=second"))
    assert_it_can_be_used_again(record, inside, tmp_path)
    of_file = [json.loads(line) for line in inside("predict", record.path, path).stdout.splitlines()]
    lines = "".join(f"{one}\t{other}\n" for one, other, _ in rows)
    of_lines = [json.loads(line) for line in command("predict", record.path, "-", stdin=lines).stdout.splitlines()]
    assert of_file == of_lines
    assert [(row["text"], row["text_pair"]) for row in of_file] == [row[:2] for row in rows]
    said = {int(row["id"]): row["prediction"] for row in record.predictions()}
    assert {number: of_file[number]["prediction"] for number in said} == said


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_several_labels_per_text(form, overrides, tmp_path, inside):
    draw = random.Random(0)
    rows = [(text, sorted(draw.sample(["art", "law", "war"], draw.randrange(4)))) for text in texts(80)]
    if form == "csv":
        path = csv_file(tmp_path / "topics.csv", ("text", "label"), [(text, "|".join(some)) for text, some in rows])
    else:
        path = jsonl_file(tmp_path / "topics.jsonl", [{"text": text, "label": some} for text, some in rows])
    record = run_of(overrides("multi_label", path))
    assert record.labels == ["art", "law", "war"]
    assert record.results["monitor"] == "val/f1_micro"
    predictions = record.predictions("val")
    assert [row["label"] for row in predictions] == [rows[int(row["id"])][1] for row in predictions]
    logits = torch.tensor([row["logits"] for row in predictions])
    for row, values in zip(predictions, logits, strict=True):
        assert row["prediction"] == [name for name, value in zip(record.labels, values, strict=True) if value > 0]
    wanted, said = (
        [[name in row[key] for name in record.labels] for row in predictions] for key in ("label", "prediction")
    )
    for average in ("micro", "macro"):
        expected = f1_score(wanted, said, average=average, zero_division=0)
        assert record.metrics[f"val/f1_{average}"] == pytest.approx(expected)
    each = f1_score(wanted, said, average=None, zero_division=0)
    assert [record.metrics[f"val/f1/{name}"] for name in record.labels] == pytest.approx(list(each))
    loss = torch.nn.BCEWithLogitsLoss()(logits, torch.tensor(wanted, dtype=torch.float32)).item()
    assert record.metrics["val/loss"] == pytest.approx(loss, abs=1e-6)
    assert_it_can_be_used_again(record, inside, tmp_path)
    answers = [json.loads(line) for line in inside("predict", record.path, path).stdout.splitlines()]
    for row in predictions:
        answer = answers[int(row["id"])]
        assert answer["prediction"] == row["prediction"]
        expected = torch.tensor(row["logits"]).sigmoid().tolist()
        assert list(answer["probabilities"].values()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_regression_is_measured_as_scipy_and_scikit_learn_do(overrides, tmp_path, inside):
    rows = [(text, len(text) / 7) for text in texts(120)]
    path = csv_file(tmp_path / "essays.csv", ("text", "score"), rows)
    record = run_of(overrides("regression", path, "data.label_column=score", "trainer.max_epochs=3"))
    assert record.labels == ["score"]
    assert record.results["monitor"] == "val/mse"
    for split in ("val", "test"):
        wanted, said = ([row[key] for row in record.predictions(split)] for key in ("label", "prediction"))
        expected = {
            "loss": mean_squared_error(wanted, said),
            "mse": mean_squared_error(wanted, said),
            "mae": mean_absolute_error(wanted, said),
            "pearson": pearsonr(wanted, said).statistic,
            "spearman": spearmanr(wanted, said).statistic,
        }
        assert {name: record.metrics[f"{split}/{name}"] for name in expected} == pytest.approx(expected, rel=1e-5)
    curve = [point["val/mse"] for point in record.curves() if "val/mse" in point]
    assert record.metrics["val/mse"] == pytest.approx(min(curve), rel=1e-5), "the least error decides"
    assert_it_can_be_used_again(record, inside, tmp_path)

    from transformers import AutoModelForSequenceClassification

    config = AutoModelForSequenceClassification.from_pretrained(record.directory.model).config
    assert (config.num_labels, config.problem_type, config.id2label) == (1, "regression", {0: "score"})
    answers = [json.loads(line) for line in inside("predict", record.path, path).stdout.splitlines()]
    for row in record.predictions():
        assert answers[int(row["id"])]["prediction"] == pytest.approx(row["prediction"], abs=1e-4)


@pytest.mark.slow
def test_a_correlation_that_does_not_exist_is_left_out_and_said(overrides, tmp_path, inside):
    path = csv_file(tmp_path / "rated.csv", ("text", "score"), [(text, 0.5) for text in texts(60)])
    done = inside("train", *overrides("regression", path, "data.label_column=score", f"run.dir={tmp_path / 'r'}"))
    assert done.returncode == 0, done.stderr
    names = "val/pearson, val/spearman, test/pearson, test/spearman"
    assert f"undefined on these rows and left out of the results: {names}" in done.stderr
    record = load_run(tmp_path / "r")
    assert {"val/mse", "val/mae", "test/mse"} <= record.metrics.keys()
    assert not any("pearson" in name or "spearman" in name for name in record.metrics)
    done = inside("evaluate", record.path, "--split", "val")
    assert done.returncode == 0, done.stderr
    assert rerun(check_origins(record)).bit_identical


@pytest.mark.slow
def test_weights_and_smoothing_change_the_training_loss_and_not_what_is_measured(overrides, tmp_path):
    rows = [(text, "rare" if number % 5 == 0 else "common") for number, text in enumerate(texts(60))]
    path = csv_file(tmp_path / "uneven.csv", ("text", "label"), rows)
    frozen = ["optimizer.lr=1e-12"]
    plain = run_of(overrides("classification", path, *frozen))
    weighed = run_of(overrides("classification", path, *frozen, "task.class_weights=[1,4]", "task.label_smoothing=0.2"))
    first = [[point["train/loss"] for point in run.curves() if "train/loss" in point] for run in (plain, weighed)]
    assert first[0] != pytest.approx(first[1], abs=1e-4)
    assert plain.metrics["val/loss"] == pytest.approx(weighed.metrics["val/loss"], abs=1e-6)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (["task.class_weights=[1,2,3]"], r"task.class_weights: must have one weight for each of the 2 labels .*a, b"),
        (
            ["task.multi_label=true"],
            r"evaluation.metrics.accuracy: cannot be used with task=multi_label.*task=multi_label",
        ),
        (["data.packing=true"], r"data.packing: has no effect with task=classification.*task=language_modeling"),
        (["task=regression", "task.label_smoothing=0.1"], r"task.label_smoothing: has no effect with task=regression"),
        (["task=text_to_text"], r"data.target_column: is required with task=text_to_text"),
    ],
)
def test_what_does_not_go_together_is_refused(chosen, message, overrides, tmp_path):
    path = csv_file(tmp_path / "a.csv", ("text", "label"), [(text, "ab"[i % 2]) for i, text in enumerate(texts(40))])
    with pytest.raises(ConfigError, match=message):
        run_of(overrides("classification", path, *chosen))


def test_what_is_no_number_is_named_with_its_line(overrides, tmp_path):
    path = csv_file(tmp_path / "a.csv", ("text", "label"), [("one", "1.5"), ("two", "much")])
    with pytest.raises(DataError, match=r"a.csv:3: 'label' holds 'much', but regression needs a number of at most"):
        run_of(overrides("regression", path))


def topics(path, num_texts=40):
    """Texts in which every word decides the next one."""
    rows = []
    for number in range(num_texts):
        start = number % len(WORDS)
        rows.append({"text": " ".join(WORDS[(start + i) % len(WORDS)] for i in range(4 + number % 40))})
    return jsonl_file(path, rows)


@pytest.mark.slow
@pytest.mark.parametrize("packing", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_language_model_learns_and_its_perplexity_is_of_all_tokens(packing, overrides, tmp_path, inside):
    path = topics(tmp_path / "texts.jsonl")
    more = [f"data.packing={str(packing).lower()}", "trainer.max_epochs=3", "optimizer.lr=2e-2", "data.max_length=16"]
    chosen = overrides("language_modeling", path, *more, model="tiny_causal")
    record = run_of(chosen)
    assert (record.labels, record.results["monitor"]) == ([], "val/perplexity")
    for split in ("val", "test"):
        rows = record.predictions(split)
        assert {row["prediction"] for row in rows} == {None}
        loss = sum(row["loss"] * row["num_tokens"] for row in rows) / sum(row["num_tokens"] for row in rows)
        assert record.metrics[f"{split}/loss"] == pytest.approx(loss, rel=1e-6)
        assert record.metrics[f"{split}/perplexity"] == pytest.approx(math.exp(loss), rel=1e-5)
    curve = [point["val/perplexity"] for point in record.curves() if "val/perplexity" in point]
    assert curve[-1] < curve[0] / 2
    steps = record.results["steps"] // 3
    assert (steps < 8) == packing, "packed samples are fewer"
    if packing:
        assert re.search(rf"steps per epoch +{steps}\n", inside("check", *chosen).stdout)
    if packing:
        assert_it_can_be_used_again(record, inside, tmp_path)
        answers = inside("predict", record.path, path)
        texts = [json.loads(line) for line in answers.stdout.splitlines()]
        assert len(texts) == 40
        assert all(isinstance(row["prediction"], str) for row in texts)


@pytest.mark.slow
def test_a_text_s_loss_is_that_of_plain_transformers(overrides, tmp_path):
    path = topics(tmp_path / "texts.jsonl")
    record = run_of(overrides("language_modeling", path, "data.max_length=64", model="tiny_causal"))
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(record.directory.model).eval()
    tokenizer = AutoTokenizer.from_pretrained(record.directory.model)
    texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
    for row in record.predictions("val"):
        ids = tokenizer(texts[int(row["id"])], return_tensors="pt")["input_ids"]
        with torch.no_grad():
            plain = model(input_ids=ids, labels=ids).loss.item()
        assert row["loss"] == pytest.approx(plain, abs=1e-5)
        assert row["num_tokens"] == ids.shape[1] - 1


@pytest.mark.slow
def test_accumulated_tokens_weigh_the_same_as_in_a_whole_batch(overrides, tmp_path):
    path = topics(tmp_path / "texts.jsonl")
    curves = []
    for micro in (8, 2):
        more = [f"data.micro_batch_size={micro}", "optimizer=sgd", "optimizer.lr=0.1"]
        record = run_of(overrides("language_modeling", path, *more, model="tiny_causal"))
        curves.append([point["train/loss"] for point in record.curves() if "train/loss" in point])
    assert len(curves[0]) > 4
    assert curves[0] == pytest.approx(curves[1], abs=1e-5)


def test_a_python_file_is_a_corpus():
    from tunesmith.data.splits import read_splits

    config = compose(["data=python_topics", "model=tiny_causal"]).config
    assert (config.task.name, config.evaluation.monitor) == ("language_modeling", "val/perplexity")
    splits = read_splits(config.data, task_of(config.task))
    import pydoc_data.topics

    names = {name for rows in splits.values() for name in rows.ids}
    assert names == set(pydoc_data.topics.topics)
    assert dict(zip(splits["val"].ids, splits["val"].texts, strict=True)).items() <= pydoc_data.topics.topics.items()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["messages", "prompt and response"])
def test_the_answers_in_conversations_are_learned(form, overrides, tmp_path, inside):
    rows = []
    for number, text in enumerate(texts(60)):
        answer = ("great", "dull")[number % 2]
        if form == "messages":
            turns = [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
            rows.append({"messages": turns})
        else:
            rows.append({"text": text, "answer": answer})
    path = jsonl_file(tmp_path / "chats.jsonl", rows)
    column = "data.messages_column=messages" if form == "messages" else "data.target_column=answer"
    more = [column, "data.max_target_length=4", "trainer.max_epochs=8", "optimizer.lr=1e-2", "callbacks=none"]
    record = run_of(overrides("language_modeling", path, *more, model="tiny_causal"))
    for row in record.predictions("val"):
        assert row["num_tokens"] == 2, "the answer's word and its end"
    assert record.metrics["val/loss"] < 1.0, "one of two words, then the end"
    answers = [json.loads(line) for line in inside("predict", record.path, path).stdout.splitlines()]
    learned = [answer["prediction"] in ("great", "dull") for answer in answers]
    assert sum(learned) > len(answers) / 2, "an answer, and nothing of the prompt"


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny_seq2seq", "tiny_causal"])
def test_a_text_for_a_text(model, overrides, tmp_path, inside):
    rows = [(text, text.split()[0]) for text in texts(80)]
    path = csv_file(tmp_path / "pairs.csv", ("source", "first"), rows)
    more = ["data.text_column=source", "data.target_column=first", "data.max_target_length=6"]
    record = run_of(overrides("text_to_text", path, *more, "trainer.max_epochs=2", model=model))
    predictions = record.predictions("val")
    assert [row["label"] for row in predictions] == [rows[int(row["id"])][1] for row in predictions]
    metrics = {"exact_match": exact_match, "token_f1": token_f1}
    for name, score in metrics.items():
        expected = sum(score(row["prediction"], row["label"]) for row in predictions) / len(predictions)
        assert record.metrics[f"val/{name}"] == pytest.approx(expected)
    assert {"val/rouge_l", "val/chrf", "test/rouge_l"} <= record.metrics.keys()
    assert {row["num_tokens"] for row in predictions} <= {2, 3}
    assert_it_can_be_used_again(record, inside, tmp_path)
    answers = [json.loads(line) for line in inside("predict", record.path, path).stdout.splitlines()]
    assert [answers[int(row["id"])]["prediction"] for row in predictions] == [row["prediction"] for row in predictions]


@pytest.mark.slow
def test_writing_is_greedy_and_that_of_plain_transformers(overrides, tmp_path):
    rows = [(text, text.split()[0]) for text in texts(60)]
    path = csv_file(tmp_path / "pairs.csv", ("text", "first"), rows)
    more = ["data.target_column=first", "data.max_target_length=5", "trainer.max_steps=20", "data.eval_batch_size=4"]
    record = run_of(overrides("text_to_text", path, *more, model="tiny_seq2seq"))
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    model = AutoModelForSeq2SeqLM.from_pretrained(record.directory.model).eval()
    tokenizer = AutoTokenizer.from_pretrained(record.directory.model)
    for row in record.predictions("val"):
        encoded = tokenizer(rows[int(row["id"])][0], truncation=True, max_length=32, return_tensors="pt")
        labels = tokenizer(text_target=row["label"], return_tensors="pt")["input_ids"]
        with torch.no_grad():
            written = model.generate(input_ids=encoded["input_ids"], do_sample=False, num_beams=1, max_new_tokens=5)
            loss = model(input_ids=encoded["input_ids"], labels=labels).loss.item()
        assert row["prediction"] == tokenizer.decode(written[0], skip_special_tokens=True)
        assert row["loss"] == pytest.approx(loss, abs=1e-5)


@pytest.mark.slow
def test_a_prompt_before_a_text_that_is_modelled_or_tagged_or_written_on(overrides, tmp_path, inside):
    """The losses and answers are those of peft's own network, at the text's tokens and not at the prompt's."""
    path = topics(tmp_path / "texts.jsonl")
    prompt = ["method=prompt", "method.num_virtual_tokens=3", "optimizer.lr=0.3"]
    record = run_of(overrides("language_modeling", path, *prompt, model="tiny_causal"))
    trained = load_model(record)
    texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
    whole = [row for row in record.predictions("val") if row["num_tokens"] < 32]  # a longer text is divided
    assert whole
    for row in whole:
        ids = trained.tokenizer(texts[int(row["id"])], return_tensors="pt")["input_ids"]
        with torch.no_grad():
            logits = trained.network(input_ids=ids, use_cache=False).logits[0, 3:]
        assert row["loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:]).item(), abs=1e-5)

    tagged = jsonl_file(tmp_path / "names.jsonl", [{"text": words, "label": tags} for words, tags in named(30)])
    record = run_of(overrides("token_classification", tagged, *prompt))
    assert_it_can_be_used_again(record, inside, tmp_path)
    answers = [json.loads(line) for line in inside("predict", record.path, tagged).stdout.splitlines()]
    for row in record.predictions("val"):
        assert answers[int(row["id"])]["prediction"] == row["prediction"]


SENTENCES = [
    (["Ada", "met", "Grace", "Hopper", "in", "Paris"], ["B-PER", "O", "B-PER", "I-PER", "O", "B-LOC"]),
    (["Unbelievably", "Rome", "slept"], ["O", "B-LOC", "O"]),
    (["Grace", "slept"], ["B-PER", "O"]),
]


def named(num_rows=60):
    return [SENTENCES[number % 3] for number in range(num_rows)]


def conll_file(path, sentences):
    lines = ["-DOCSTART- -X- O O", ""]
    for words, tags in sentences:
        lines += [f"{word} NN {tag}" for word, tag in zip(words, tags, strict=True)] + [""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.slow
def test_words_are_tagged_the_same_from_both_formats(overrides, tmp_path, inside):
    from_lines = conll_file(tmp_path / "names.conll", named())
    rows = [{"words": words, "tags": tags} for words, tags in named()]
    from_json = jsonl_file(tmp_path / "names.jsonl", rows)
    more = ["trainer.max_epochs=3", "data.batch_size=4", "optimizer.lr=1e-2"]
    columns = ["data.text_column=words", "data.label_column=tags"]
    record = run_of(overrides("token_classification", from_json, *columns, *more))
    other = run_of(overrides("token_classification", from_lines, *more))
    assert record.labels == ["B-LOC", "B-PER", "I-PER", "O"]
    assert record.results["weights_sha256"] == other.results["weights_sha256"]
    assert record.results["monitor"] == "val/f1"
    predictions = record.predictions("val")
    assert [(len(row["label"]), len(row["prediction"]), len(row["logits"])) for row in predictions] == [
        (len(row["label"]),) * 3 for row in predictions
    ]
    for row in predictions:
        assert row["label"] == list(named()[int(row["id"])][1])
        best = torch.tensor(row["logits"]).argmax(dim=1).tolist()
        assert row["prediction"] == [record.labels[index] for index in best]
    score = EntityF1()
    score.update([row["prediction"] for row in predictions], [row["label"] for row in predictions])
    assert record.metrics["val/f1"] == pytest.approx(score.compute().item())
    assert record.metrics["val/f1"] > 0.9, "these names can be learned by heart"
    assert_it_can_be_used_again(record, inside, tmp_path)
    said = inside("predict", record.path, from_json).stdout.splitlines()
    answers = [json.loads(line) for line in said]
    assert [answers[int(row["id"])]["prediction"] for row in predictions] == [row["prediction"] for row in predictions]


def test_a_tag_stands_at_the_first_token_of_its_word(tokenizer, tmp_path):
    from tunesmith.config.schema import Data
    from tunesmith.data.encoding import encode
    from tunesmith.data.rows import Rows

    words, tags = SENTENCES[1]
    rows = Rows(["0"], [" ".join(words)], [tuple(tags)], words=[tuple(words)])
    data = Data(path="x", format="jsonl", cache_dir=str(tmp_path), max_length=6)
    labels = ["B-LOC", "O"]
    samples = encode(rows, labels, tokenizer, data, task_named("token_classification"))
    tokens = tokenizer.convert_ids_to_tokens(samples.tokens[0].tolist())
    assert tokens == ["[CLS]", "unbelievable", "##bly", "rome", "slept", "[SEP]"] or len(tokens) == 6
    plain = tokenizer(list(words), is_split_into_words=True, truncation=True, max_length=6)
    assert samples.tokens[0].tolist() == plain["input_ids"]
    expected, seen = [], set()
    for word in plain.word_ids():
        expected.append(-100 if word is None or word in seen else labels.index(tags[word]))
        seen.add(word)
    assert samples.labels[0].tolist() == expected
    assert samples.weights[0] == sum(label != -100 for label in expected)


@pytest.mark.slow
def test_words_beyond_the_length_have_no_prediction_and_count_as_wrong(overrides, tmp_path):
    path = jsonl_file(tmp_path / "names.jsonl", [{"text": words * 4, "label": tags * 4} for words, tags in named(40)])
    record = run_of(overrides("token_classification", path, "data.max_length=8"))
    row = max(record.predictions("val"), key=lambda row: len(row["label"]))
    assert row["prediction"][-1] is None
    assert row["logits"][-1] is None
    assert None not in row["prediction"][:2]
    rows = record.predictions("val")
    right = sum(one == other for row in rows for one, other in zip(row["prediction"], row["label"], strict=True))
    assert record.metrics["val/accuracy"] == pytest.approx(right / sum(len(row["label"]) for row in rows))


BROKEN = {
    "tags": (
        "token_classification",
        [{"text": ["a", "b"], "label": ["O"]}],
        r"x.jsonl:1: 2 words in 'text' and 1 tags",
    ),
    "words": ("token_classification", [{"text": "a b", "label": ["O", "O"]}], r"x.jsonl:1: 'text' must hold a list"),
    "column": ("text_to_text", [{"text": "a", "b": "c"}], r"x.jsonl:1: no column 'target'.*data.target_column=\.\.\."),
    "empty": ("text_to_text", [{"text": "a", "target": ""}], r"1 row has no text or no target \(line 1\)"),
    "roles": (
        "language_modeling",
        [{"target": [{"role": "me", "content": "x"}]}],
        r"x.jsonl:1: 'target', turn 1: the role is 'me'; roles are system, user, assistant, tool",
    ),
    "silent": ("language_modeling", [{"target": [{"role": "user", "content": "x"}]}], r"no message of the assistant"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_wrong_data_is_named_with_file_line_and_remedy(case, overrides, tmp_path, inside):
    task, rows, message = BROKEN[case]
    path = jsonl_file(tmp_path / "x.jsonl", rows)
    more = {
        "text_to_text": ["data.target_column=target", "data.max_target_length=4"],
        "language_modeling": ["data.messages_column=target"],
    }
    model = "tiny_encoder" if task == "token_classification" else "tiny_causal"
    done = inside("train", *overrides(task, path, *more.get(task, []), model=model))
    assert done.returncode == 3
    assert re.search(message, done.stderr), done.stderr
