"""The bytes of a text's tokens are those of the text, in any script, for tokenizers that keep them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tunesmith import compose
from tunesmith.data.token_bytes import bytes_of_tokens
from tunesmith.models.weights import load_tokenizer

CORPUS = ["a cat and a mat, 3.5 naïve cafés", "кот на коврике", "猫が座る", "पानी और घर"] * 3


def finished(made):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<eos>", unk_token="<unk>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    tokenizer.add_tokens([AddedToken("tunesmith", normalized=False)])
    return tokenizer


def byte_level():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet))
    return finished(made)


def falling_back():
    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"catmn кот猫", "ca", "cat", "▁cat"]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    merges = [("c", "a"), ("ca", "t"), ("▁", "cat")]
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, byte_fallback=True, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return finished(made)


TOKENIZERS = [byte_level(), falling_back()]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=["byte-level", "falling back to bytes"])
@given(text=st.text(st.sampled_from(" acatm кот猫É😀\nनि"), max_size=30))
def test_a_text_has_the_bytes_of_its_tokens(tokenizer, text):
    counts = bytes_of_tokens(tokenizer)
    ids = tokenizer(f"{text}tunesmith<|im_start|><eos>", add_special_tokens=False)["input_ids"]
    assert counts[ids].sum() == len(f"{text}tunesmith".encode())
    assert not counts[tokenizer.all_special_ids].any()
    assert counts[tokenizer.convert_tokens_to_ids("<|im_start|>")] == 0


def test_a_tokenizer_that_loses_bytes_has_none():
    assert bytes_of_tokens(load_tokenizer(compose(["model=tiny_encoder"]).config.model)) is None


@pytest.mark.slow
def test_a_run_measures_bits_per_byte_and_says_where_it_cannot(tmp_path, cache_dir, inside):
    from tunesmith.runs.record import load_run

    TOKENIZERS[0].save_pretrained(tmp_path / "tokenizer")
    texts = [f"a cat {'und noch ein Hütchen ' * (number % 4)}猫 {number}" for number in range(40)]
    (tmp_path / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    typed = ["task=language_modeling", "data=text", f"data.path={tmp_path / 'texts.txt'}", "model=tiny_causal"]
    typed += [f"data.cache_dir={cache_dir}", "data.split.test_fraction=0", "data.split.val_fraction=0.4"]
    typed += ["trainer=cpu", "trainer.threads=1", "trainer.max_steps=2", "logger=none", "data.max_length=512"]
    typed += ["+evaluation.metrics.bits_per_byte=bits_per_byte", "evaluation.monitor=val/bits_per_byte"]
    own = [f"model.tokenizer={tmp_path / 'tokenizer'}", f"model.config.vocab_size={len(TOKENIZERS[0])}"]
    ends = ["model.config.bos_token_id=null", f"model.config.eos_token_id={TOKENIZERS[0].eos_token_id}"]
    done = inside("train", *typed, *own, *ends, f"run.dir={tmp_path / 'run'}")
    assert done.returncode == 0, done.stderr
    record = load_run(tmp_path / "run")
    rows = record.predictions("val")
    counts = bytes_of_tokens(TOKENIZERS[0])
    for row in rows:
        text = texts[int(row["id"])]
        first = TOKENIZERS[0](text, add_special_tokens=False)["input_ids"][0]  # it has no token before it
        assert row["num_bytes"] == len(text.encode()) - counts[first]
    bits = sum(row["loss"] * row["num_tokens"] for row in rows) / np.log(2)
    assert record.metrics["val/bits_per_byte"] == pytest.approx(bits / sum(row["num_bytes"] for row in rows))
    low, high = record.intervals["val/bits_per_byte"]
    assert low <= record.metrics["val/bits_per_byte"] <= high

    typed[-1] = "evaluation.monitor=val/perplexity"
    done = inside("train", *typed, f"run.dir={tmp_path / 'other'}")
    assert done.returncode == 0, done.stderr
    record = load_run(tmp_path / "other")
    assert "val/bits_per_byte" not in record.metrics
    assert any("the model's tokenizer does not keep every byte of a text" in text for text in record.warnings)
    assert not any("num_bytes" in row for row in record.predictions())
