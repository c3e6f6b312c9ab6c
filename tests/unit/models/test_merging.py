"""Adapters put into their bases: the outputs before, after, and of the folder under plain transformers."""

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from tunesmith import compose
from tunesmith.config.schema import Model
from tunesmith.errors import ConfigError
from tunesmith.models.merging import merge_adapter
from tunesmith.models.weights import load_network

IDS = torch.tensor([[5, 9, 11, 300, 2], [7, 8, 50, 59, 2]])
GPT2 = {"model_type": "gpt2", "vocab_size": 400, "n_embd": 16, "n_layer": 2, "n_head": 2}
KINDS = {"tiny_causal": "CAUSAL_LM", "gpt2": "CAUSAL_LM", "tiny_seq2seq": "SEQ_2_SEQ_LM"}


def writer(option):
    model = Model(init="random", config=GPT2) if option == "gpt2" else compose([f"model={option}"]).config.model
    return load_network(model, [], 0, task="text_to_text")


def logits_of(network):
    more = {"decoder_input_ids": IDS} if network.config.is_encoder_decoder else {}
    with torch.no_grad():
        return network.eval()(input_ids=IDS, **more).logits


def disturbed(network):
    """The network with every trained parameter moved at random."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return network


@pytest.mark.parametrize(
    ("option", "config"),
    [
        ("tiny_causal", peft.LoraConfig(target_modules=["lm_head"])),
        ("tiny_causal", peft.LoraConfig(target_modules=["embed_tokens"])),
        ("tiny_causal", peft.LoraConfig(target_modules=["lm_head", "embed_tokens", "q_proj"])),
        ("tiny_causal", peft.LoraConfig(target_modules=["q_proj"], trainable_token_indices=[5, 9])),
        ("tiny_causal", peft.LoraConfig(target_modules=["q_proj"])),
        ("tiny_causal", peft.IA3Config(target_modules=["lm_head"], feedforward_modules=[])),
        ("gpt2", peft.LoraConfig(target_modules=["lm_head"])),
        ("gpt2", peft.LoraConfig(target_modules=["wte", "c_attn"], fan_in_fan_out=True)),
        ("tiny_seq2seq", peft.LoraConfig(target_modules=["lm_head"])),
        ("tiny_seq2seq", peft.LoraConfig(target_modules=["embed_tokens"])),
        ("tiny_seq2seq", peft.LoraConfig(target_modules=["shared", "q"])),
        ("tiny_seq2seq", peft.IA3Config(target_modules=["lm_head", "v"], feedforward_modules=[])),
    ],
)
def test_an_adapter_on_tied_tensors_is_put_into_its_own_layer_alone(option, config, tmp_path):
    config.task_type = KINDS[option]
    adapted = disturbed(peft.get_peft_model(writer(option), config))
    expected = logits_of(adapted)
    merged = merge_adapter(adapted, "--merge", "")
    assert torch.allclose(logits_of(merged), expected, atol=1e-4)
    merged.save_pretrained(tmp_path)
    kind = AutoModelForSeq2SeqLM if option == "tiny_seq2seq" else AutoModelForCausalLM
    assert torch.allclose(logits_of(kind.from_pretrained(tmp_path)), expected, atol=1e-4)


def test_what_stays_tied_is_still_one_tensor():
    adapted = peft.get_peft_model(writer("tiny_causal"), peft.LoraConfig(target_modules=["q_proj"]))
    merged = merge_adapter(adapted, "--merge", "")
    assert merged.lm_head.weight is merged.model.embed_tokens.weight
    assert merged.config.tie_word_embeddings


def test_an_adapter_that_peft_cannot_merge_is_refused():
    config = peft.LoraConfig(target_modules=["q_proj"], lora_bias=True)
    with pytest.warns(UserWarning, match="lora_bias"):
        adapted = peft.get_peft_model(writer("tiny_causal"), config)
    with pytest.raises(
        ConfigError, match="Impossible to merge LoRA with `lora_bias=True` because the base layer has no"
    ):
        merge_adapter(adapted, "--merge", "")
    prompted = peft.get_peft_model(writer("tiny_causal"), peft.PromptTuningConfig("CAUSAL_LM", num_virtual_tokens=2))
    with pytest.raises(ConfigError, match="a prompt comes before the text"):
        merge_adapter(prompted, "--merge", "")
