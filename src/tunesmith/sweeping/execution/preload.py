"""Import everything that a trial needs, once, in the process that trials are forked from. Nothing touches a GPU."""

from __future__ import annotations

import gc
import signal

import peft  # noqa: F401
import pytorch_lightning  # noqa: F401
import sklearn.model_selection  # noqa: F401
import torch
import torchmetrics.classification  # noqa: F401
import transformers.modeling_utils  # noqa: F401
import wandb  # noqa: F401
from omegaconf import OmegaConf

import tunesmith.sweeping.execution.trial  # noqa: F401
from tunesmith.config.schema import RunConfig

RunConfig.model_rebuild()
OmegaConf.to_container(OmegaConf.create({"here": "${there}", "there": 0}), resolve=True)  # warms up its parser
if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
    raise RuntimeError("a process that has touched a GPU cannot be forked")
# A cluster ends a job with SIGTERM to all of its processes. Trials answer with a checkpoint, and this process must
# outlive them to report their exit to the driver; it ends when the driver does.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
gc.freeze()  # a collection in a trial's process would touch, and therefore copy, the pages of all these imports
