"""A model's tokenizer and architecture are read once, and what comes of them is what a reading of its own gives."""

import pytest
import transformers

from tunesmith import compose, train
from tunesmith.config.schema import Model
from tunesmith.models.groundwork import read_groundwork
from tunesmith.models.weights import load_config, load_network, load_skeleton

LABELS = ["b", "a", "c"]
OPTIONS = ["tiny_encoder", "tiny_causal", "tiny_seq2seq", "minilm"]


@pytest.fixture(params=[*OPTIONS, "with labels of its own"])
def model(request, tmp_path):
    if request.param in OPTIONS:
        return compose(["data=rotten_tomatoes", f"model={request.param}"]).config.model
    tiny = compose(["model=tiny_encoder"]).config.model
    load_network(tiny, ["x", "y"], 0).save_pretrained(tmp_path)
    return Model(path=str(tmp_path), tokenizer=tiny.tokenizer, dropout=0.3, config={"hidden_act": "relu"})


def test_labels_are_put_into_a_copy_as_if_it_were_read_with_them(model):
    ground = read_groundwork(model)
    before = ground.architecture.to_dict()
    expected = load_config(model, LABELS).to_dict()
    assert load_config(model, LABELS, ground.architecture).to_dict() == expected
    assert expected["id2label"] == dict(enumerate(LABELS))
    skeleton = load_skeleton(model, LABELS, task="classification", architecture=ground.architecture)
    plain = load_skeleton(model, LABELS, task="classification")
    assert [(name, item.shape) for name, item in skeleton.named_parameters()] == [
        (name, item.shape) for name, item in plain.named_parameters()
    ]
    assert ground.architecture.to_dict() == before, "what many use is changed by nobody"


@pytest.mark.slow
def test_a_run_reads_them_once(tiny, tmp_path, monkeypatch):
    described = compose(["model=tiny_encoder"]).config.model
    load_network(described, ["bad", "good"], 0).save_pretrained(tmp_path / "model")
    tokenizer = read_groundwork(described).tokenizer
    tokenizer.save_pretrained(tmp_path / "model")
    reads = {"AutoTokenizer": [], "AutoConfig": []}
    for name, sources in reads.items():
        auto = getattr(transformers, name)
        original = auto.from_pretrained

        def counting(pretrained_model_name_or_path, *args, original=original, sources=sources, **kwargs):
            sources.append(str(pretrained_model_name_or_path))
            return original(pretrained_model_name_or_path, *args, **kwargs)

        monkeypatch.setattr(auto, "from_pretrained", counting)
    overrides = [text for text in tiny if not text.startswith("model")]
    run = train(compose([*overrides, "model=encoder", f"model.path={tmp_path / 'model'}", "trainer.max_steps=1"]))
    assert run.status == "completed"
    assert reads["AutoTokenizer"].count(str(tmp_path / "model")) == 1
    # By us; by AutoTokenizer itself; and as the checkpoint has it, whose labels say what its outputs mean.
    assert reads["AutoConfig"].count(str(tmp_path / "model")) == 3
