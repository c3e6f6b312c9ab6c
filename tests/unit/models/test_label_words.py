"""Classification by words of the language model: against a plain loop over texts, and as whole runs."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from tunesmith import compose, load_model, train
from tunesmith.errors import ConfigError
from tunesmith.models.label_words import with_cue
from tunesmith.models.weights import load_network, load_tokenizer

WORDS = ["model.head.words.bad=bad", "model.head.words.good=good"]
TEXTS = ["a quiet film", "a long and loud film about nothing at all"]


def test_the_cue_follows_the_last_token_on_either_side():
    ids = torch.tensor([[5, 6, 7], [5, 6, 0], [0, 0, 7]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0], [0, 0, 1]])
    found, kept, last = with_cue(ids, mask, torch.tensor([8, 9]))
    assert found.tolist() == [[5, 6, 7, 8, 9], [5, 6, 8, 9, 0], [0, 0, 7, 8, 9]]
    assert kept.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [0, 0, 1, 1, 1]]
    assert last.tolist() == [4, 3, 4]
    assert with_cue(ids, mask, torch.tensor([], dtype=torch.long))[2].tolist() == [2, 1, 2]


@pytest.mark.parametrize("option", ["tiny_causal", "tiny_seq2seq"])
def test_logits_are_the_language_model_s_own(option):
    model = compose([f"model={option}", "model.dropout=0.0", *WORDS, "model.head.cue=' it was'"]).config.model
    tokenizer = load_tokenizer(model)
    network = load_network(model, ["bad", "good"], seed=0, pad_token_id=tokenizer.pad_token_id).eval()
    words = [tokenizer.convert_tokens_to_ids(word) for word in ("bad", "good")]
    inputs = tokenizer(TEXTS, padding=True, return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        found = network(**inputs).logits
        for text, row in zip(TEXTS, found, strict=True):
            ids = tokenizer(text).input_ids + tokenizer(" it was", add_special_tokens=False).input_ids
            plain = {"input_ids": torch.tensor([ids])}
            if option == "tiny_seq2seq":
                plain["decoder_input_ids"] = torch.tensor([[0]])
            assert torch.allclose(network.network(**plain).logits[0, -1, words], row, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "method"), [("tiny_causal", "full"), ("tiny_causal", "lora"), ("tiny_seq2seq", "full")]
)
def test_a_run_by_words(option, method, tiny):
    record = train(compose([*tiny, f"model={option}", f"method={method}", *WORDS, "trainer.max_epochs=1"]))
    trained = load_model(record)
    folder = record.directory.model
    if method == "full" and option == "tiny_causal":
        plain = AutoModelForCausalLM.from_pretrained(folder)
        assert torch.equal(plain.model.embed_tokens.weight, trained.network.network.model.embed_tokens.weight)
    from tunesmith.inference.predict import predict

    rows = record.predictions("test")
    import csv

    with open(record.config["data"]["path"], encoding="utf-8", newline="") as file:
        texts = {str(i): row["review"] for i, row in enumerate(csv.DictReader(file))}
    for row, answer in zip(rows, predict(trained, [texts[row["id"]] for row in rows]), strict=True):
        probabilities = torch.tensor(row["logits"]).softmax(dim=0).tolist()
        assert list(answer["probabilities"].values()) == pytest.approx(probabilities, abs=1e-5)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["model.head.words.bad=bad"], "model.head.words.good: every label of the data needs a word"),
        ([*WORDS, "model.head.words.ugly=ugly"], "model.head.words.ugly: is not a label of the data"),
        (["model.head.words.bad=bad", "model.head.words.good=bad"], "not another label's"),
        (["model.head.words.bad=bad", "model.head.words.good=unputdownable"], "must be a single token"),
        (
            ["model=tiny_encoder", *WORDS],
            "model.head.words: need a generative model (a decoder or an encoder-decoder), but bert is an encoder",
        ),
        ([*WORDS, "model.head.pooling=mean"], "replace the head"),
        ([*WORDS, "method=head_only"], "leave method=head_only nothing to train"),
        (["model.head.cue=' It was'"], "has no effect without model.head.words"),
    ],
)
def test_words_that_cannot_stand_for_labels(overrides, said):
    with pytest.raises(ConfigError) as refusal:
        load_network(compose(["model=tiny_causal", *overrides]).config.model, ["bad", "good"], 0)
    assert said in str(refusal.value)
