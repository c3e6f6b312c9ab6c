"""Which class of transformers a task takes on which family, and what a decoder needs beside it."""

import pytest
import torch
import transformers
from transformers import AutoConfig, PreTrainedTokenizerFast

from tunesmith import compose
from tunesmith.config.families import EXAMPLES
from tunesmith.config.schema import Model
from tunesmith.config.tasks import TASKS
from tunesmith.errors import ConfigError
from tunesmith.models.families import auto_class, family_of
from tunesmith.models.weights import load_config, load_network, load_tokenizer

ARCHITECTURES = {
    "encoder": ["bert", "distilbert", "roberta", "modernbert", "electra", "deberta-v2", "albert"],
    "causal": ["gpt2", "llama", "gpt_neox", "qwen2", "mistral", "opt"],
    "seq2seq": ["t5", "bart", "mbart"],
}


@pytest.mark.parametrize(
    ("family", "name"), [(family, name) for family, names in ARCHITECTURES.items() for name in names]
)
def test_every_architecture_is_of_one_family(family, name):
    assert family_of(AutoConfig.for_model(name)) == family


@pytest.mark.parametrize(
    ("task", "option", "expected"),
    [
        ("classification", "tiny_encoder", "BertForSequenceClassification"),
        ("classification", "tiny_causal", "LlamaForSequenceClassification"),
        ("classification", "tiny_seq2seq", "T5ForSequenceClassification"),
        ("regression", "tiny_causal", "LlamaForSequenceClassification"),
        ("token_classification", "tiny_encoder", "BertForTokenClassification"),
        ("language_modeling", "tiny_causal", "LlamaForCausalLM"),
        ("text_to_text", "tiny_causal", "LlamaForCausalLM"),
        ("text_to_text", "tiny_seq2seq", "T5ForConditionalGeneration"),
    ],
)
def test_each_task_takes_its_class(task, option, expected):
    model = compose([f"model={option}"]).config.model
    labels = ["value"] if task == "regression" else ["a", "b", "c"] if "classification" in task else []
    network = load_network(model, labels, seed=0, task=task, pad_token_id=0)
    assert type(network) is getattr(transformers, expected)
    assert network.training
    if labels:
        assert network.config.num_labels == len(labels)


@pytest.mark.parametrize("task", TASKS)
def test_a_family_that_a_task_does_not_take_is_refused_with_those_that_fit(task):
    refused = EXAMPLES.keys() - TASKS[task].heads.keys()
    for family in refused:
        config = AutoConfig.for_model(ARCHITECTURES[family][0])
        with pytest.raises(ConfigError) as refusal:
            auto_class(task, config)
        assert f"task={task} needs " in str(refusal.value)
        assert f"of family {family}" in str(refusal.value)
        for fitting in TASKS[task].heads:
            assert EXAMPLES[fitting] in str(refusal.value)


def test_an_architecture_without_the_head_is_refused():
    with pytest.raises(ConfigError, match="vit has no head for classification in transformers"):
        auto_class("classification", AutoConfig.for_model("vit"))


def test_a_model_of_another_family_than_the_option_asks_for_is_refused():
    model = compose(["model=tiny_causal", "model.family=seq2seq"]).config.model
    with pytest.raises(ConfigError, match=r"model\.family=seq2seq does not include llama.*model=causal"):
        load_config(model, ["a"])


@pytest.fixture(scope="module")
def bare_tokenizer(tmp_path_factory):
    """Like GPT-2's: an end-of-text token, no pad token."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    inner = Tokenizer(models.WordLevel({"<end>": 0, "<unk>": 1, "good": 2, "bad": 3}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()

    def saved(**tokens):
        folder = tmp_path_factory.mktemp("tokenizer")
        PreTrainedTokenizerFast(tokenizer_object=inner, **tokens).save_pretrained(folder)
        return Model(init="random", tokenizer=str(folder), config={"model_type": "gpt2"})

    return saved


def test_a_tokenizer_without_a_pad_token_pads_with_the_end_of_text(bare_tokenizer, caplog):
    caplog.set_level("INFO", logger="tunesmith")
    tokenizer = load_tokenizer(bare_tokenizer(eos_token="<end>"))
    assert tokenizer.pad_token_id == 0
    assert "no pad token: short rows are filled with its end-of-text token <end>" in caplog.text


def test_a_tokenizer_with_nothing_to_pad_with_is_refused(bare_tokenizer):
    with pytest.raises(ConfigError, match=r"model\.tokenizer: the tokenizer has neither a pad token nor"):
        load_tokenizer(bare_tokenizer())


@pytest.mark.parametrize("option", ["tiny_encoder", "tiny_causal", "tiny_seq2seq"])
def test_padding_changes_no_logits(option):
    """A row alone and the same row beside a longer one: the decoder finds its last token, attention its own tokens."""
    model = compose([f"model={option}", "model.dropout=0.0"]).config.model
    tokenizer = load_tokenizer(model)
    network = load_network(model, ["a", "b"], seed=0, pad_token_id=tokenizer.pad_token_id).eval()
    texts = ["a quiet film", "a long and loud film about nothing at all, with nobody in it"]
    with torch.inference_mode():
        together = network(**tokenizer(texts, padding=True, return_tensors="pt", return_token_type_ids=False)).logits
        for text, expected in zip(texts, together, strict=True):
            alone = network(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).logits[0]
            assert torch.allclose(alone, expected, atol=1e-5)
