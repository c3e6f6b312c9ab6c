import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.redaction import MASK, MIN_SECRET_LENGTH, is_secret_name, redact, redact_argv, redact_values

SECRET = "5up3r-s3cret-value"

names = st.text("abcdefghijklmnop_.", min_size=1, max_size=12)
secret_names = st.builds(
    lambda prefix, word: f"{prefix}_{word}",
    st.sampled_from(["wandb", "hf", "model.my"]),
    st.sampled_from(["api_key", "token", "PASSWORD"]),
)
secret_values = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGH0123456789-_", min_size=MIN_SECRET_LENGTH).map(
    lambda text: "Zq" + text
)
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("abcdefgh ", max_size=12)
structures = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apiKey",
        "WANDB_API_KEY",
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "db.password",
        "--auth-token",
        "logger.apikey",
    ],
)
def test_secret_names(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "tokenizer",
        "model.tokenizer",
        "data.num_tokens",
        "pad_token",
        "model.config.eos_token",
        "monkey",
        "TOKENIZERS_PARALLELISM",
        "optimizer.lr",
    ],
)
def test_names_that_only_resemble_a_secret(name):
    assert not is_secret_name(name)


@given(structures, secret_names, secret_values)
def test_a_value_under_a_secret_name_is_gone_at_any_depth(structure, name, value):
    planted = {"a": [structure, {"b": {name: value}}]}
    assert value not in repr(redact(planted, {}))


@given(structures, secret_names, secret_values)
def test_an_environment_secret_is_gone_wherever_it_stands(structure, name, value):
    planted = {"note": f"see {value}!", "list": [value, structure], f"k{value}": 1}
    assert value not in repr(redact(planted, {name: value}))


@given(structures)
def test_without_secrets_nothing_changes(structure):
    assert redact(structure, {}) == structure


@given(structures, secret_names, secret_values)
def test_redacting_twice_is_redacting_once(structure, name, value):
    once = redact({"a": structure, name: value, "text": f"{name}={value} rest"}, {})
    assert redact(once, {}) == once


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"logger.api_key={SECRET} optimizer.lr=0.1", "optimizer.lr=0.1"),
        (f'{{"api_key": "{SECRET}", "lr": 1}}', '"lr": 1'),
        (f"callbacks.x={{api_key:{SECRET},lr:1}}", "lr:1"),
        (f"https://user:{SECRET}@github.com/a/b.git", "github.com/a/b.git"),
        (f"https://{SECRET}@github.com/a/b.git", "github.com/a/b.git"),
        (f"my.tokens=[] my.secrets=[{SECRET},{SECRET}] seed=1", "seed=1"),
        (f'{{"token_key": "a\\"{SECRET}", "lr": 1}}', '"lr": 1'),
        (f"++wandb.token='{SECRET} x' seed=1", "seed=1"),
    ],
)
def test_secrets_in_running_text(text, kept):
    result = redact(text, {})
    assert SECRET not in result
    assert kept in result
    assert MASK in result


@pytest.mark.parametrize(
    "text", ["unknown key: foo", "${oc.env:HF_TOKEN}", "hf_token=${oc.env:HF_TOKEN}", "model.tokenizer=bert"]
)
def test_prose_and_references_stay(text):
    assert redact(text, {"HF_TOKEN": SECRET}) == text


def test_a_secret_after_its_option_is_masked():
    assert redact_argv(["run", "--api-key", SECRET, "--seed", "1", "--token"], {}) == [
        "run",
        "--api-key",
        MASK,
        "--seed",
        "1",
        "--token",
    ]


def test_an_argument_ends_its_value():
    assert redact_argv(["run", f"a.api_key=x {SECRET}", "a.token=${oc.env:X}"], {}) == [
        "run",
        f"a.api_key={MASK}",
        "a.token=${oc.env:X}",
    ]


def test_well_known_tokens_are_masked_without_a_name():
    token = "hf_" + "aB3" * 10
    assert token not in redact(f"loaded with {token} today", {})


def test_an_empty_command_line_has_nothing_to_hide():
    assert redact_argv([]) == []


def test_the_working_directory_is_no_password():
    environ = {"PWD": "/home/ada/reviews", "OLDPWD": "/home/ada/elsewhere", "DB_PWD": "correct horse"}
    text = "/home/ada/reviews/data.csv /home/ada/elsewhere correct horse"
    assert redact(text, environ) == f"/home/ada/reviews/data.csv /home/ada/elsewhere {MASK}"


SHAPES = {
    "x_hf_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh": "x_<redacted>",
    "https://u:p@ss@host/x": "https://<redacted>@host/x",
    "/home/me/https:/me:pw12@host/x.csv": "/home/me/https:/<redacted>@host/x.csv",
    "AIza" + "a" * 35: "<redacted>",
    "glpat-" + "a1" * 10: "<redacted>",
    "xoxb-123456789012-abc": "<redacted>",
    "npm_" + "a" * 36: "<redacted>",
    "pypi-AgEIcHlwaS5vcmc" + "a" * 30: "<redacted>",
    "sk_live_" + "a1" * 10: "<redacted>",
    "a -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- b": "a <redacted> b",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "aws_secret_access_key = <redacted>",
    "https://example.org/a?sig=abcdef0123456789&x=1": "https://example.org/a?sig=<redacted>&x=1",
}


@pytest.mark.parametrize("text", SHAPES)
def test_more_shapes_of_secrets_are_known(text):
    assert redact_values(text, {}) == SHAPES[text]


@pytest.mark.parametrize(
    "text",
    [
        "task-specific-long-name-of-a-thing",
        "risk-assessment-of-the-thing-here",
        "mail me@example.org",
        "C:/foo@bar",
        "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678",
        "password",
    ],
)
def test_ordinary_words_and_hashes_stay(text):
    assert redact_values(text, {}) == text


@pytest.mark.parametrize(
    "name",
    [
        "method.trainable_token_indices",
        "num_tokens",
        "num_key_value_heads",
        "token_type_ids",
        "key_mapping",
        "token_dim",
    ],
)
def test_a_name_that_only_contains_such_a_word_is_no_secret(name):
    assert redact_argv(["train", f"{name}=[1,2]"], {}) == ["train", f"{name}=[1,2]"]


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "HF_TOKEN_2", "DB_PASSWORD_FILE", "x.api_key"])
def test_a_name_that_ends_with_such_a_word_is_one(name):
    assert redact_argv([f"{name}=abcd"], {}) == [f"{name}=<redacted>"]
