"""Where generation is told to stop, and that a saved tokenizer writes what was learned."""

import copy
from types import SimpleNamespace

import pytest

from tunesmith.config.schema import Data
from tunesmith.data.rows import Rows
from tunesmith.data.templates import PLAIN
from tunesmith.errors import TrainingError
from tunesmith.tasks.registry import task_named
from tunesmith.training.ends import check_template, give_template, set_ends, tell_shaping

LANGUAGE, TEXTS = task_named("language_modeling"), task_named("text_to_text")
DOCUMENTS = Data(path="x.jsonl", format="jsonl")
ANSWERS = DOCUMENTS.model_copy(update={"target_column": "target"})
TEMPLATE = "{% for m in messages %}[unused1]{{ m['content'] }}[unused2]{% endfor %}"


@pytest.fixture
def speaker(tokenizer):
    made = copy.deepcopy(tokenizer)
    made.add_special_tokens({"additional_special_tokens": ["[unused1]", "[unused2]"]})
    made.eos_token, made.chat_template = "[SEP]", TEMPLATE
    return made


@pytest.mark.parametrize(
    ("task", "data", "family", "before", "ends"),
    [
        (LANGUAGE, ANSWERS, "causal", None, [3, 102]),
        (LANGUAGE, ANSWERS, "causal", 102, [3, 102]),
        (LANGUAGE, ANSWERS, "causal", [101, 3000], [3, 102, 101]),  # 3000 is a word of this tokenizer
        (LANGUAGE, DOCUMENTS, "causal", None, 102),
        (TEXTS, ANSWERS, "causal", 1, [3, 102]),
        (TEXTS, ANSWERS, "seq2seq", 1, 102),  # T5's own end is no mark of this tokenizer
        (task_named("classification"), DOCUMENTS, "causal", 1, 1),
    ],
)
def test_generation_stops_at_what_was_learned_as_the_end(speaker, task, data, family, before, ends):
    network = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=before, pad_token_id=None))
    set_ends(network, speaker, task, data, family)
    assert network.generation_config.eos_token_id == ends


def test_settings_of_a_checkpoint_that_change_what_is_written_are_told(caplog):
    from transformers import GenerationConfig

    def told(task, **settings):
        caplog.clear()
        tell_shaping(SimpleNamespace(generation_config=GenerationConfig(**settings)), task)
        return caplog.text

    text = told(TEXTS, min_length=56, no_repeat_ngram_size=3, num_beams=4, length_penalty=2.0, do_sample=True)
    assert "every answer that is generated: min_length=56, no_repeat_ngram_size=3. " in text
    assert told(LANGUAGE, repetition_penalty=1.2)
    assert not told(TEXTS, repetition_penalty=1.0, min_length=0, max_length=20)
    assert not told(task_named("classification"), min_length=56)


def test_a_tokenizer_of_before_that_ends_texts_itself_ends_them_there(tokenizer):
    made = copy.deepcopy(tokenizer)
    made.eos_token = None
    network = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=1, pad_token_id=None))
    set_ends(network, made, TEXTS, ANSWERS, "seq2seq")
    assert network.generation_config.eos_token_id == made.sep_token_id


def test_only_where_answers_are_learned_a_tokenizer_gets_our_template(tokenizer):
    for task, data, family in ((LANGUAGE, DOCUMENTS, "causal"), (TEXTS, ANSWERS, "seq2seq")):
        made = copy.deepcopy(tokenizer)
        give_template(made, task, data, family)
        assert not task.learns_answers(data, family)
        assert made.chat_template is None
    made = copy.deepcopy(tokenizer)
    give_template(made, TEXTS, ANSWERS, "causal")
    assert made.chat_template == "[CLS]" + PLAIN


def test_a_saved_tokenizer_that_writes_something_else_ends_the_run(speaker, tmp_path):
    talk = ({"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "train": False})
    rows = Rows(["0"], ["a"], ["b"], messages=[talk])
    speaker.save_pretrained(tmp_path)
    check_template(rows, speaker, tmp_path)
    (tmp_path / "chat_template.jinja").write_text(TEMPLATE.replace("[unused1]", "[unused1] so"), encoding="utf-8")
    with pytest.raises(TrainingError, match="differently than in training"):
        check_template(rows, speaker, tmp_path)
