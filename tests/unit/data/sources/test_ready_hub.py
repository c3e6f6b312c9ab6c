"""The options that name a data set of the Hub, over a cache with the columns and splits that each documents."""

import datasets
import pytest

from tunesmith.config.composing.compose import compose
from tunesmith.config.folders import group_options, shipped
from tunesmith.data.sources import hub
from tunesmith.data.splits import read_splits
from tunesmith.tasks.registry import task_of

TEXT = datasets.Value("string")
ANSWER = {"role": "assistant", "content": "hi"}


def asked(number):
    return {"role": "user", "content": f"hello {number}"}


def of_two(*names):
    return datasets.ClassLabel(names=list(names))


CLASSES = {"train": 20, "test": 6}
READY = {
    "sst2": (
        {"idx": datasets.Value("int32"), "sentence": TEXT, "label": of_two("negative", "positive")},
        lambda i, split: {"idx": i, "sentence": f"film {split} {i}", "label": -1 if split == "test" else i % 2},
        {"train": 20, "validation": 6, "test": 6},
        {"train": 18, "val": 6, "test": 2},
    ),
    "ag_news": (
        {"text": TEXT, "label": datasets.ClassLabel(names=["World", "Sports", "Business", "Sci/Tech"])},
        lambda i, split: {"text": f"news {split} {i}", "label": i % 4},
        {"train": 40, "test": 8},
        {"train": 36, "val": 4, "test": 8},
    ),
    "hub_imdb": (
        {"text": TEXT, "label": of_two("neg", "pos")},
        lambda i, split: {"text": f"film {split} {i}", "label": -1 if split == "unsupervised" else i % 2},
        CLASSES | {"unsupervised": 4},
        {"train": 18, "val": 2, "test": 6},
    ),
    "banking77": (
        {"text": TEXT, "label": of_two("activate_my_card", "age_limit")},
        lambda i, split: {"text": f"card {split} {i}", "label": i % 2},
        CLASSES,
        {"train": 18, "val": 2, "test": 6},
    ),
    "samsum": (
        {"id": TEXT, "dialogue": TEXT, "summary": TEXT},
        lambda i, split: {"id": str(i), "dialogue": f"A: {split} {i}" if i else None, "summary": f"It is {i}."},
        {"train": 21, "validation": 7, "test": 7},
        {"train": 20, "val": 6, "test": 6},
    ),
    "ultrachat": (
        {"prompt": TEXT, "prompt_id": TEXT, "messages": datasets.List({"content": TEXT, "role": TEXT})},
        lambda i, split: {
            "prompt": f"{i}",
            "prompt_id": f"{i}",
            "messages": [asked(i), ANSWER],
        },
        {"train_sft": 20, "test_sft": 6, "train_gen": 2, "test_gen": 2},
        {"train": 18, "val": 2, "test": 6},
    ),
    "alpaca": (
        dict.fromkeys(("instruction", "input", "output"), TEXT),
        lambda i, split: {"instruction": f"Add {i}", "input": "", "output": f"{i}"},
        {"train": 20},
        {"train": 16, "val": 2, "test": 2},
    ),
    "squad": (
        dict.fromkeys(("id", "title", "context", "question"), TEXT)
        | {"answers": {"text": datasets.List(TEXT), "answer_start": datasets.List(datasets.Value("int32"))}},
        lambda i, split: {
            **{"id": f"{split}{i}", "title": "a", "context": f"{split} {i // 2}", "question": f"what {i}?"},
            "answers": {"text": [f"answer {i}", "other"], "answer_start": [0, 3]},
        },
        {"train": 20, "validation": 6},
        {"train": 18, "val": 6, "test": 2},
    ),
    "conll2003": (
        {"id": TEXT, "tokens": datasets.List(TEXT), "ner_tags": datasets.List(of_two("O", "B-PER"))},
        lambda i, split: {"id": str(i), "tokens": ["Ada", split, str(i)], "ner_tags": [1, 0, 0]},
        {"train": 20, "validation": 6, "test": 6},
        {"train": 20, "val": 6, "test": 6},
    ),
}
"""Option to features, a row, the Hub's splits, and the rows of ours."""
NEEDS = {"samsum": ["model=tiny_seq2seq"], "squad": ["model=tiny_seq2seq"]}
NEEDS |= {"ultrachat": ["model=tiny_causal"], "alpaca": ["model=tiny_causal"]}


class Ready(datasets.GeneratorBasedBuilder):
    """Writes rows of one option."""

    option = ""

    def _info(self):
        return datasets.DatasetInfo(features=datasets.Features(READY[self.option][0]))

    def _split_generators(self, manager):
        return [datasets.SplitGenerator(name, gen_kwargs={"name": name}) for name in READY[self.option][2]]

    def _generate_examples(self, name):
        for i in range(READY[self.option][2][name]):
            yield i, READY[self.option][1](i, name)


@pytest.mark.parametrize("option", READY)
def test_a_ready_option_reads_what_the_hub_documents(option, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "hub_answers", lambda: False)
    hub.hub_data.cache_clear()
    config = compose([f"data={option}", *NEEDS.get(option, [])]).config
    path = config.data.path
    made = type("Made", (Ready,), {"option": option})(
        cache_dir=str(tmp_path), repo_id=path, dataset_name=path.split("/")[-1], hash="c" * 40, config_name="default"
    )
    made.download_and_prepare()
    splits = read_splits(config.data, task_of(config.task))
    hub.hub_data.cache_clear()
    assert {name: len(rows) for name, rows in splits.items()} == READY[option][3]
    if option == "squad":
        rows = splits["val"]
        assert (rows.labels[0], rows.texts[0]) == ("answer 0", "question: what 0? context: validation 0")
    if option == "conll2003":
        assert splits["train"].labels[0] == ("B-PER", "O", "O")
    if config.task.name == "classification":
        assert set(splits["train"].labels) <= set(READY[option][0]["label"].names)


def test_every_ready_option_is_asked():
    files = {option: shipped("conf") / "data" / f"{option}.yaml" for option in group_options()["data"]}
    assert {option for option, file in files.items() if "format: hub" in file.read_text()} == {"hub", *READY}
