"""The config of a run: every key with its type, range, default and meaning.

A field marked `SPEED` or `FILES` cannot change a result, and a field marked `LATER` is newer than some saved configs;
identity, resume, reproduce and `train --from` depend on these marks (`config/changes.py`). The YAML files under `conf/`
only hold what an option changes. In a node with a `_target_`, the keywords of its signature are accepted too, and are
checked against it (`config/checking/targets.py`).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from tunesmith.config.effects import FILES, LATER, SPEED, Fixed

SCHEMA_VERSION: Final = 2
"""Since 2, `trainer.val_check_interval` counts optimizer steps; before, micro-batches."""

Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Likeness = Annotated[float, Field(ge=0.5, le=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Node(BaseModel):
    """A config node: no unknown keys, no silent conversion, no NaN, never edited after validation."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, populate_by_name=True, defer_build=True
    )  # built at the first validation: help and --cfg only need the defaults


class TargetNode(Node):
    """A node that names a class in `_target_` and passes it the other keys as keyword arguments."""

    model_config = ConfigDict(extra="allow")

    OURS: ClassVar[frozenset[str]] = frozenset()
    """Keys that Tunesmith reads itself and does not pass on."""
    SUPPLIED: ClassVar[dict[str, str]] = {}
    """Keywords that the run supplies, refused in a config, each with the reason or what to use instead."""

    target: str = Field(alias="_target_")
    """Dotted path of the class or function."""

    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments for `_target_`: every key except `_target_` and our own."""
        return {key: value for key, value in self.model_dump().items() if key != "target" and key not in self.OURS}


class Run(Node):
    """Where a run is stored and what it is called; no effect on the result."""

    root: str = "runs"
    """Folder for run directories, one per day and run."""
    name: str | None = None
    """Display name, part of the directory's name; null is the experiment's name or `<data>-<model>-<method>`."""
    tags: list[str] = []
    """Labels recorded with the run and sent to the tracker; references such as `${oc.env:NAME}` stay as they are."""
    dir: str | None = None
    """The exact run directory; refused if it exists."""
    resume: Literal["never", "auto"] = "never"
    """`auto` resumes the newest unfinished run of this config under `root`, if there is one."""


class Task(Node):
    """What the model learns to do: decides the kind of head, the loss, the default metrics and the monitor."""

    model_config = ConfigDict(extra="allow")

    OURS: ClassVar[frozenset[str]] = frozenset({"name", "multi_label", "label_smoothing", "class_weights"})
    SUPPLIED: ClassVar[dict[str, str]] = {"config": "it is the node `task` itself"}

    name: Literal["classification", "regression", "token_classification", "language_modeling", "text_to_text"]
    """`classification`: labels for a text; `regression`: a number for a text; `token_classification`: a tag for each
    word; `language_modeling`: the text itself, or the answers in a conversation; `text_to_text`: a text for a text."""
    multi_label: bool = False
    """Classification with any number of labels per text: one yes-or-no decision for each label."""
    label_smoothing: Fraction = 0.0
    """Part of the correct label's probability that is spread evenly over all labels (arXiv:1512.00567); for one label
    per text or word. Only used in the training loss, so that `val/loss` stays comparable."""
    class_weights: Literal["balanced"] | list[Positive] | dict[str, Positive] | None = None
    """Weight of each label in the training loss, by its name or as a list in the order in which the labels are shown;
    `balanced` is rows / (labels x rows with the label), as in scikit-learn. The loss is the weighted mean; `val/loss`
    stays unweighted."""
    target: Annotated[str | None, LATER] = Field(default=None, alias="_target_")
    """Subclass of `tunesmith.tasks.task.Task`, usually of the class of `name`, that implements the task; its keyword
    arguments are other keys of this node. Null is the class of `name`."""

    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments for the class."""
        return {key: value for key, value in self.model_dump().items() if key != "target" and key not in self.OURS}


class Split(Node):
    """How rows are divided into train, validation and test."""

    method: Literal["stratified", "random", "hash", "time", "column"] = "stratified"
    """`stratified` keeps label proportions (if texts have a label, or several), `random` does not.
    `hash` depends only on each row's content, so that adding a row moves no other; split sizes are approximate. `time`
    trains on the oldest rows and tests on the newest. `column` reads the split's name from `column`."""
    val_fraction: Fraction = 0.1
    """Validation rows as a fraction of all rows."""
    test_fraction: Fraction = 0.1
    """Test rows as a fraction of all rows."""
    seed: Seed = 0
    """Seed of the split only, so that replicating the run's `seed` never moves a row into or out of test."""
    column: str | None = None
    """With `method=column`: the column that holds `train`, `val` or `test`. With `method=time`: the column with each
    row's time, as a number or an ISO 8601 date."""
    group_column: Annotated[str | None, LATER] = None
    """Rows with the same value in this column stay on one side of the split, e.g. all tickets of a customer."""
    duplicates: Annotated[Literal["together", "apart"], LATER] = "apart"
    """`together` keeps rows with the same input on one side of the split; new configs set it. `apart` divides them like
    other rows, as in configs without this key."""
    multi_label: Annotated[Literal["stratified", "random"], LATER] = "random"
    """What `method=stratified` does if texts have several labels: `stratified` keeps the proportions of each label
    (iterative stratification, Sechidis et al. 2011); new configs set it. `random` ignores them, as in configs without
    this key."""
    folds: Annotated[Annotated[int, Field(ge=2)] | None, LATER] = None
    """Number of folds for cross-validation; null is one fixed validation split. All rows but those of test are divided
    into this many parts as `method` says, and one part is validated on. With `method=time` the rows are one block more,
    and a fold trains on all older rows only."""
    fold: Annotated[Annotated[int, Field(ge=0)], LATER] = 0
    """With `folds`: which fold is the validation split, from 0. Numbers from `folds` on are the folds of another
    division: with `folds=5`, fold 7 is fold 2 of the second division."""
    from_run: Annotated[str | None, LATER] = None
    """An earlier run's directory: rows are in the split that they have there, whatever `method` says. New rows go to
    train, or to where a copy of theirs or their group is; they are counted, as are rows that are gone."""


class Format(TargetNode):
    """A file format read by a class: your own, or one of ours without a name in `data.format`."""


class CleaningStep(TargetNode):
    """A cleaning step: a subclass of `TextStep` or `RowStep` in `tunesmith.data.cleaning.step`."""


class SplitFiles(Node):
    """One or more files for each split; the rows of a split without files are drawn from those of `train`."""

    train: str | list[str]
    """Files with rows to train on."""
    val: str | list[str] | None = None
    """Files with rows for validation; null draws `split.val_fraction` of the rows of `train`."""
    test: str | list[str] | None = None
    """Files with rows for the test; null draws `split.test_fraction` of the rows of `train`."""


class DataSource(Node):
    """One of several sources of rows. What is null here is as in `data`."""

    path: str | Annotated[list[str], Field(min_length=1)]
    """The source's file, a pattern, or a list of these."""
    weight: Positive = 1.0
    """How often an epoch takes each of the source's training rows: 2 takes each twice, 0.5 half of them (drawn with
    `split.seed`, the same in every epoch). Rows of val and test are taken once."""
    format: Literal["csv", "jsonl", "json", "parquet", "arrow", "text", "folder", "conll", "python"] | None = None
    """The format, by the name of an option of `data`; null is `data.format`, which may also name a class."""
    delimiter: (
        Literal["comma", "semicolon", "tab", "pipe", "\\t"] | Annotated[str, Field(min_length=1, max_length=1)] | None
    ) = None
    """As `data.delimiter`."""
    quoting: Literal["csv", "none"] | None = None
    """As `data.quoting`."""
    text_column: str | None = None
    """As `data.text_column`."""
    template: str | None = None
    """As `data.template`."""
    text_pair_column: str | None = None
    """As `data.text_pair_column`."""
    label_column: str | None = None
    """As `data.label_column`."""
    label_names: dict[str, str] | None = None
    """As `data.label_names`."""
    target_column: str | None = None
    """As `data.target_column`."""
    messages_column: str | None = None
    """As `data.messages_column`."""
    convert: Literal["alpaca", "sharegpt", "prompt_response", "messages"] | None = None
    """As `data.convert`."""
    columns: dict[str, str] | None = None
    """As `data.columns`."""
    roles: dict[str, str] | None = None
    """As `data.roles`."""
    system: str | None = None
    """As `data.system`."""
    id_column: str | None = None
    """As `data.id_column`."""
    where: dict[str, str | int | float | bool] | None = None
    """As `data.where`."""


class Data(Node):
    """The text data: where it is, which columns are used, how it is split and batched."""

    path: str | Annotated[list[str], Field(min_length=1)] | SplitFiles | None
    """The file, a pattern such as `parts/*.csv`, a list of these, or one or such a list for each split, e.g.
    `{train: a.csv, test: b.csv}`. Files of a pattern are read by name; `~` is expanded, and relative paths start at the
    current folder. With `format=hub`, the id of a data set on the Hugging Face Hub. Null with `sources`."""
    sources: Annotated[dict[str, DataSource], LATER] = {}
    """Instead of `path`: name to one of several sources, each with files, columns and a weight of its own. They are
    divided as one data set, each in proportion if the split is stratified."""
    name: Annotated[str | None, LATER] = None
    """With `format=hub`: the Hub's name of a configuration; null takes the only one, or the Hub's default. The one that
    is taken is saved with the run."""
    revision: Annotated[str | None, LATER] = None
    """With `format=hub`: commit, tag or branch; null is `main`. The commit that is read is saved with the run."""
    format: Literal["csv", "jsonl", "conll", "python", "hub"] | Format
    """`csv`: a header line and rows; `jsonl`: one JSON object per line; `conll`: a word and its tag per line, a blank
    line after each sentence; `python`: a Python file that assigns one literal dict of name to text (it is not run);
    `hub`: a data set of the Hugging Face Hub, with its splits and the names of its classes.
    Or a mapping: `_target_` names a subclass of `tunesmith.data.sources.source.Source`, and the other keys are its
    keyword arguments. Files compressed with gzip or zstd are decompressed."""
    delimiter: (
        Literal["comma", "semicolon", "tab", "pipe", "\\t"] | Annotated[str, Field(min_length=1, max_length=1)]
    ) = ","
    """Delimiter of a CSV file: its name, or the character itself."""
    quoting: Literal["csv", "none"] | None = None
    """`csv`: a field in double quotes may hold delimiters and line breaks; `none`: a quote is an ordinary
    character, and every line is a row. Null is `none` if the delimiter is a tab, else `csv`."""
    text_column: str = "text"
    """Column with the input text; for token classification, a list of words. For a field of an object, use a
    dotted path such as `summary.challenge`; this works for every column."""
    template: Annotated[str | None, LATER] = None
    """Writes the input text from any columns, in place of `text_column`: a Jinja template in a sandbox, such as
    `{{title}}: {{body}}`, or `{{ row['Support subject'] }}` for a name with spaces. An empty field writes nothing. A
    finished run is asked with the same columns."""
    text_pair_column: str | None = None
    """Column with a second text, for tasks on sentence pairs (classification, regression)."""
    label_column: str = "label"
    """Column to predict: a label (any string or whole number; names are kept and used in predictions), several labels,
    a number, or a list of tags, depending on the task."""
    label_names: dict[str, str] = {}
    """Label or tag in the file to its name; labels that are not listed keep their own. For vectors of zeros and ones:
    position, from 0, to name."""
    label_separator: Annotated[str, Field(min_length=1)] = "|"
    """Separator between the labels of a text if they are not a list, for `task.multi_label`."""
    target_column: str | None = None
    """Column with the text to generate for `text_column` (text to text; in language modeling, the response, and both
    may be lists of messages)."""
    messages_column: str | None = None
    """Column with a conversation, for language modeling: a list of `{"role": ..., "content": ...}`. Other
    columns named `tools`, `documents` and `chat_template_kwargs` are passed to the chat template."""
    convert: Annotated[Literal["alpaca", "sharegpt", "prompt_response", "messages"] | None, LATER] = None
    """Format that conversations are made from, for language modeling (and text to text, where a conversation is one
    question and its answer): `alpaca` (instruction, input, output, system, history), `sharegpt` (conversations with
    from and value), `prompt_response` (prompt, response, system), `messages` (messages with role and content)."""
    columns: Annotated[dict[str, str], LATER] = {}
    """With `convert`: a name of the format to the column, or the key of a turn, that has it in the file, such as
    `{output: answer}`."""
    roles: Annotated[dict[str, str], LATER] = {}
    """With `convert`: a role in the file to its name here (system, user, assistant or tool), such as
    `{bing: assistant}`."""
    system: Annotated[str | None, LATER] = None
    """With `convert`: the system prompt of conversations that have none."""
    id_column: str | None = None
    """Column with a unique row id; null numbers the rows from 0."""
    where: dict[str, str | int | float | bool] = {}
    """Keep only rows whose column equals the value, for every entry: numbers are compared as numbers, true and false in
    any case."""
    num_rows: Count | None = None
    """Use this many rows, drawn with `split.seed` (by label if the split is stratified); null uses all."""
    train_rows: Annotated[Count | None, LATER] = None
    """Train on this many of the training rows, drawn with `split.seed` so that fewer are a part of more, with labels in
    their proportions; val and test stay as they are. Null uses all. `tunesmith learning-curve` varies it."""
    on_empty: Literal["error", "drop"] = "error"
    """What to do with rows that have no text or no label."""
    missing: list[str] = ["nan", "NaN", "NA", "<NA>"]
    """Words that mean a missing text, label or number, as pandas and R write them, besides null, JSON's NaN and an
    empty field. A word in `label_names` is a label instead."""
    cleaning: Annotated[dict[str, CleaningStep | None], LATER] = {}
    """Name to cleaning step, in order; steps that change texts come before steps that remove rows. Texts are cleaned in
    every split and in the inputs of a finished run; rows are only removed from training, unless a step has
    `only_train: false`. The options of `data/cleaning` are the built-in steps."""
    on_leak: Annotated[Literal["warn", "remove", "error"], LATER] = "warn"
    """What to do with training rows that are also in val or test, after cleaning: warn, remove them from training, or
    refuse the data. Val and test stay as they are."""
    near: Annotated[Likeness | None, LATER] = None
    """Similarity from which two texts count as the same for `on_leak`: the pieces of five characters that both have, as
    a fraction of those that either has (Jaccard index). Null counts only equal texts; an audit then uses 0.7."""
    split: Annotated[Split, Fixed("The split is the same for all trials, so that they can be compared")] = Split()
    max_length: Annotated[int, Field(ge=2)] = 128
    """Maximum tokens per text, including special tokens; in language modeling, longer plain texts are divided."""
    max_target_length: Annotated[int, Field(ge=2)] = 64
    """Maximum tokens to generate for a text: of the target in training, of the answer in evaluation."""
    on_long: Annotated[Literal["cut", "cut_left", "drop", "error"], LATER] = "cut"
    """What to do with a text longer than `max_length` or `max_target_length`: `cut` keeps its beginning, `cut_left` its
    end (a target always keeps its beginning); `drop` leaves the row out of its split, `error` refuses it. What is lost
    is always counted and reported."""
    packing: bool = False
    """Language modeling: pack several texts, which do not attend to one another, into samples of up to `max_length`
    tokens; `batch_size` then counts these samples."""
    batch_size: Count = 32
    """Samples per optimizer step over all devices."""
    micro_batch_size: Count | Literal["auto"] = "auto"
    """Samples per device per forward; must divide `batch_size`; `auto` is all at once."""
    eval_batch_size: Annotated[Count, SPEED] = 64
    """Samples per device per forward in evaluation; affects only the last digits of metrics."""
    order: Literal["bucketed", "random"] = "bucketed"
    """Training order: `bucketed` puts texts of similar length in a batch (less padding), `random` does not."""
    num_workers: Annotated[int, Field(ge=0), SPEED] = 0
    """DataLoader processes; texts are already tokenised, so 0 is usually fastest."""
    cache_dir: Annotated[str, FILES] = "~/.cache/tunesmith"
    """Folder of the cache of tokens, and of rows read from large files; keyed by content."""


class Head(Node):
    """The head on the backbone, in classification and regression."""

    pooling: Literal["mean", "last", "cls"] | None = None
    """Null is the architecture's own head, which plain transformers can load. Otherwise our own head reads the hidden
    states: their `mean` over all tokens, the `last` token's, or the first token's (`cls`)."""
    hidden: list[Count] = []
    """Widths of hidden layers (GELU) between the pooled vector and the logits."""
    words: dict[str, str] = {}
    """Label to a word of one token: a decoder or an encoder-decoder then answers by its scores for these words, without
    a head."""
    cue: str = ""
    """With `words`: text to append to every text so that a word follows naturally, e.g. ` It was`."""
    start: Annotated[Literal["auto", "keep", "new"], LATER] = "auto"
    """What happens to the outputs of a checkpoint's head. `auto` keeps each for its own label if the labels are the
    same (case aside), and otherwise initialises new ones; `keep` keeps those of the same labels and, if there are
    equally many, assigns the others in order; `new` initialises all."""


class Model(Node):
    """The network, its tokenizer and its initial weights."""

    path: str | None = None
    """A local folder, a GGUF file or a Hub id; required unless `init=random` and `config` describes the network."""
    from_run: str | None = None
    """An earlier run's directory: its model and tokenizer are used instead of `path` and `tokenizer`."""
    family: Literal["auto", "encoder", "causal", "seq2seq"] = "auto"
    """The required family, or `auto` for any. A model of another family is refused."""
    tokenizer: str | None = None
    """A folder or Hub id with the tokenizer; null is the model's own."""
    revision: str | None = None
    """Commit, tag or branch on the Hub; null is `main`. The resolved commit is recorded."""
    init: Literal["pretrained", "random"] = "pretrained"
    """`random` builds the same architecture with fresh weights (ablations, tests)."""
    dropout: Fraction | None = None
    """Every dropout rate of the network, whatever its name in the architecture; null keeps the model's own rates."""
    head: Head = Head()
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory and more time for the same result."""
    quantization: Literal["none", "8bit", "4bit"] = "none"
    """Quantise the base model's weights (bitsandbytes) while an adapter is trained; needs a GPU."""
    config: dict[str, Any] = {}
    """Fields of the architecture's own configuration to set, e.g. `num_hidden_layers`; `model_type` names the
    architecture if there is no `path`."""
    cache_dir: Annotated[str, FILES] = "~/.cache/tunesmith"
    """Folder of converted GGUF files, keyed by content."""


class Method(Node):
    """How weights are changed: all of them, a part of them, or through a small adapter. The head is always trained."""

    model_config = ConfigDict(extra="allow")

    OURS: ClassVar[frozenset[str]] = frozenset({"name", "layers", "frozen", "unfrozen_by"})
    SUPPLIED: ClassVar[dict[str, str]] = {
        "task_type": "it follows from task",
        "inference_mode": "training decides it",
        "fan_in_fan_out": "it follows from the architecture",
        "base_model_name_or_path": "use model.path",
        "revision": "use model.revision",
        **dict.fromkeys(("peft_type", "auto_mapping", "peft_version"), "it follows from method._target_"),
        **dict.fromkeys(
            ("token_dim", "num_transformer_submodules", "num_attention_heads", "num_layers"),
            "it follows from the network",
        ),
    }

    name: Literal["full", "head_only", "last_layers", "freeze", "gradual", "bitfit", "lora", "ia3", "prompt"] | None = (
        None
    )
    """`full` trains every weight; `head_only`, `last_layers`, `freeze`, `gradual` and `bitfit` a part of them; `lora`,
    `ia3` and `prompt` a small adapter from peft. Null is the class in `_target_`."""
    layers: Count | None = None
    """With `last_layers`: how many layers, counted from the head."""
    frozen: list[str] = []
    """With `freeze`: regular expressions; a parameter is frozen if one of them matches part of its name."""
    unfrozen_by: Annotated[float, Field(gt=0, le=1)] | None = None
    """With `gradual`: when the last part (the embeddings) is unfrozen, as a fraction of all optimizer steps."""
    target: str | None = Field(default=None, alias="_target_")
    """A peft configuration, or your own class that decides which weights are trained (a subclass of
    `tunesmith.models.method.PartialMethod`); its keyword arguments are other keys of this node. It replaces `full`, the
    default."""

    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments for `_target_`: every other key, and the keys of built-in methods that are set."""
        named = type(self).model_fields
        return {
            key: value
            for key, value in self.model_dump().items()
            if key not in named or (key in self.OURS - {"name"} and value != named[key].default)
        }


class Optimizer(TargetNode):
    """The update rule. Biases and normalisation weights get no weight decay."""

    OURS: ClassVar[frozenset[str]] = frozenset({"head_lr", "layer_decay"})
    SUPPLIED: ClassVar[dict[str, str]] = {"params": "the run passes the model's trainable parameters"}

    lr: Positive
    """Peak learning rate."""
    weight_decay: NonNegative = 0.0
    """Decay of weight matrices, in the optimizer's own sense."""
    head_lr: Positive | None = None
    """Peak learning rate of the head; null is `lr`."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Peak learning rate of a layer as a fraction of that of the next layer towards the head."""


class Scheduler(TargetNode):
    """How the learning rate changes, per optimizer step (or per epoch, for a plateau schedule)."""

    OURS: ClassVar[frozenset[str]] = frozenset({"warmup_fraction"})
    SUPPLIED: ClassVar[dict[str, str]] = {
        "optimizer": "the run passes it",
        "num_training_steps": "it follows from trainer.max_epochs or trainer.max_steps",
        "total_steps": "it follows from trainer.max_epochs or trainer.max_steps",
        "num_warmup_steps": "use scheduler.warmup_fraction",
        "last_epoch": "the checkpoint carries it",
    }

    warmup_fraction: Fraction = 0.0
    """Steps of linear warm-up as a fraction of all optimizer steps, for schedules that have a warm-up."""


class Evaluation(Node):
    """The metrics on validation and test data, and the one that decides."""

    monitor: str = "val/accuracy"
    """The metric that picks the best weights, stops early and guides sweeps: `val/loss` or `val/<metric>`."""
    mode: Literal["auto", "max", "min"] = "auto"
    """Whether a higher or lower `monitor` is better; `auto` is the direction that the metric's class states."""
    metrics: dict[str, TargetNode] = {}
    """Name to a metric's short name (docs/tasks.md lists them), such as `+evaluation.metrics.mcc=mcc`, or to a
    torchmetrics class; a list of short names, such as `[accuracy,mcc]`, replaces those of the task. A class with
    `average: none` gives a value per label, `<name>/<label>`. A matrix or a curve is saved in `results.json` under
    `tables`."""
    baselines: Annotated[bool, SPEED, LATER] = True
    """Measure trivial models on the same rows as the run, by `monitor`: the most frequent label or the mean, and a
    linear model of words. For labels of texts and numbers; trials of a sweep leave it out."""
    probe: Annotated[bool, SPEED, LATER] = False
    """Measure a linear model of the untuned network's features among the baselines; it takes a forward pass over val,
    test and at most 4,000 training rows."""
    at_start: Annotated[bool, SPEED, LATER] = False
    """Measure the untuned model on the validation rows, as step 0 of the curves and among the baselines."""
    forgetting: Annotated[bool, SPEED, LATER] = True
    """With `model.from_run`: when the run is done, measure the model that it started from and its own on the rows that
    the earlier run was measured on, if its data is still there unchanged, and on the new ones. Trials of a sweep leave
    it out."""
    texts: Annotated[bool, FILES, LATER] = False
    """Keep the text of each row in `predictions.jsonl`, without secrets and cut after 2,000 characters: errors can then
    be read, and stand on the run's page, where the data is not."""
    sets: Annotated[dict[str, str], SPEED, LATER] = {}
    """Name to a file, a pattern or a folder with other rows, read as `data` says, on which the best weights are
    measured after training; metrics are `<name>/<metric>`. Training does not depend on them: with
    `data.on_leak=remove`, rows that are trained on are left out of a set. Like test rows, they are not looked at with
    `test: false` or in a sweep."""
    slices: Annotated[list[str], SPEED, LATER] = []
    """Columns of the data by whose values rows are measured too, each slice with every metric in `results.json` and an
    interval of `monitor`; `source` is the source of rows from several. Trials of a sweep leave it out."""
    test: Annotated[bool, Fixed("A search never looks at the test split")] = True
    """Evaluate on the test split once, at the end; every look at it is recorded in the ledger."""


class Trainer(TargetNode):
    """The Lightning Trainer; its other arguments may be set here too."""

    OURS: ClassVar[frozenset[str]] = frozenset(
        {"threads", "matmul_precision", "checkpoint_every_steps", "checkpoint_every_minutes"}
    )
    SUPPLIED: ClassVar[dict[str, str]] = {
        "accumulate_grad_batches": "it follows from data.batch_size and data.micro_batch_size",
        "callbacks": "use the callbacks group, e.g. callbacks.mine._target_=...",
        "logger": "use the logger group",
        "default_root_dir": "use run.dir",
        "enable_checkpointing": "the run directory always holds its checkpoint",
        "enable_progress_bar": "progress is part of every run",
        "fast_dev_run": "it switches off checkpoints and loggers; use experiment=smoke",
        "use_distributed_sampler": "data order is a function of seed and epoch",
        "reload_dataloaders_every_n_epochs": "data order is a function of seed and epoch",
        **dict.fromkeys(
            ("limit_train_batches", "overfit_batches"), "use data.num_rows, trainer.max_steps or debug=overfit"
        ),
        **dict.fromkeys(
            ("limit_val_batches", "limit_test_batches"), "splits are always evaluated whole; use data.num_rows"
        ),
        "limit_predict_batches": "predictions are made by tunesmith predict",
        "num_sanity_val_steps": "validation only runs after training steps",
        **dict.fromkeys(("num_nodes", "strategy", "sync_batchnorm"), "a run trains on one device"),
        "plugins": "the run has its own, for checkpoints and to use one device on any cluster",
        "enable_model_summary": "use tunesmith check --model, which counts the parameters",
        "barebones": "it switches off what a run records; use trainer.max_steps for a short run",
        "benchmark": "it times kernels and keeps the fastest, so no run could be repeated exactly",
        "enable_autolog_hparams": "the whole config is saved with every run and sent to its tracker",
        "model_registry": "use logger.log_model=true",
    }

    max_epochs: Count | None = None
    """Passes over the training data; null leaves it to `max_steps`."""
    max_steps: Annotated[int, Field(ge=-1)] = -1
    """Optimizer steps; -1 leaves it to `max_epochs`."""
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    """Device kind; `auto` is a GPU if there is one."""
    devices: Literal[1] = 1
    """Devices in this run."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Number format of the forward and backward pass."""
    gradient_clip_val: NonNegative | None = 1.0
    """Largest global gradient norm; null does not clip."""
    val_check_interval: int | float | None = None
    """Validate every so many optimizer steps in an epoch (whole number), or after this fraction of an epoch; null is at
    the end of each epoch. With `check_val_every_n_epoch=null`, steps are counted over the whole run."""
    log_every_n_steps: Count = 1
    """Optimizer steps between two points of the training curves."""
    deterministic: bool = True
    """Use only deterministic kernels."""
    threads: Annotated[
        Count | Literal["auto"], Fixed("It affects the last bits of results: set it once, for all trials")
    ] = "auto"
    """CPU threads of torch, which affect the last bits of results. `auto` is the number of usable cores, within a
    container's quota and OMP_NUM_THREADS."""
    matmul_precision: Literal["auto", "highest", "high", "medium"] = "auto"
    """Precision of fp32 matrix products; `auto` uses a faster one only if it is measured to be fp32-accurate."""
    checkpoint_every_steps: Annotated[Count | None, FILES] = None
    """Write `last.ckpt` every so many optimizer steps, in addition to the end of each epoch; null does not."""
    checkpoint_every_minutes: Annotated[Positive | None, FILES] = 15.0
    """Write `last.ckpt` when so many minutes have passed since the last one; null does not."""


class Logger(Node):
    """The experiment tracker; `metrics.jsonl` is always written."""

    model_config = ConfigDict(extra="allow")

    OURS: ClassVar[frozenset[str]] = frozenset({"name", "group", "job_type"})
    WANDB: ClassVar[str] = "tunesmith.tracking.wandb.run.WandbTracker"

    name: Literal["wandb", "none"] | None = None
    """`wandb`: Weights & Biases; `none`: local files only; null: the tracker that `_target_` names."""
    target: str | None = Field(default=None, alias="_target_")
    """Class of a tracker; its keyword arguments are other keys of this node, and those of `project`, `entity`, `mode`,
    `log_model` and `alert` that its signature names."""
    project: str = "tunesmith"
    """Project on the server."""
    entity: str | None = None
    """Team or user on the server; null is the account's default."""
    group: str | None = None
    """Group in which the run is shown; a sweep puts its trials into one."""
    job_type: str = "train"
    """Kind of run, shown with its name; it is `trial` for the trials of a sweep."""
    mode: Literal["auto", "online", "offline"] = "auto"
    """`auto` is online if an API key is found, else offline; WANDB_MODE decides if it is set."""
    log_model: bool = False
    """Upload the best weights as an artifact."""
    alert: Annotated[bool, LATER] = False
    """Send an alert of W&B when a run failed, diverged, or its diagnosis found something wrong."""

    def tracker(self) -> str | None:
        """Dotted path of the tracker's class; None for local files only."""
        return None if self.name == "none" else self.target or self.WANDB

    def kwargs(self) -> dict[str, Any]:
        """The keys that are not our own, for the tracker's class."""
        return {key: value for key, value in self.model_dump().items() if key != "target" and key not in self.OURS}


class RunConfig(Node):
    """The whole config of a run."""

    schema_version: Annotated[Literal[1, 2], FILES] = SCHEMA_VERSION
    """Version of this schema, written with every saved config: its values keep the meaning that they had in it."""
    seed: Annotated[Seed, Fixed("Replicate it instead: hydra.sweeper.repeats=3")] = 0
    """Seed of everything random in the run except the split. Not a hyperparameter: replicate it, never search it."""
    run: Annotated[Run, FILES, Fixed("A trial's directory is its own")] = Run()
    task: Task
    data: Data
    model: Model
    method: Method
    optimizer: Optimizer
    scheduler: Scheduler
    evaluation: Evaluation
    trainer: Trainer
    callbacks: dict[str, TargetNode | None] = {}
    """Name to Lightning callback; `monitor` and `mode` are those of `evaluation` if a callback needs them."""
    logger: Annotated[Logger, FILES, Fixed("A trial's tracker run is its own")]
