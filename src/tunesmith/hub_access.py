"""Whether the Hugging Face Hub can be asked, tried once."""

from __future__ import annotations

import functools
import logging

log = logging.getLogger("tunesmith")


@functools.cache
def hub_answers() -> bool:
    """Whether the Hub can be reached; tried once, for at most 5 s (its own client would retry for a minute)."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=5)
    except Exception as error:  # the client's transport has its own exception hierarchy
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        log.info("%s does not answer (%s); only what is downloaded can be used", constants.ENDPOINT, reason)
        return False
    return True
