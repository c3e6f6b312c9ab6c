"""Check whether a W&B server still answers, and wait for uploads only while they progress."""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request
from typing import Any

ANSWER_S = 4.0
"""Longest wait for an answer: a server that takes 2 s is slow, not unreachable."""
STALL_S = 60.0
"""Longest wait for the next byte while the server answers: the last megabytes sit uncounted in socket buffers."""
PATIENCE_S = 1.0
"""Time without a byte after which the server is checked."""
POLL_S = 0.2


def answers(settings: Any) -> bool:
    """Whether the server in the client's `settings` answers a plain request in time, without a server error.

    The client itself would wait 10 s per table and per artifact for an unreachable server. Behind a proxy that only
    the client knows, the server is assumed to answer.
    """
    if settings.http_proxy or settings.https_proxy:
        return True
    try:
        urllib.request.urlopen(urllib.request.Request(settings.base_url, method="HEAD"), timeout=ANSWER_S).close()
    except urllib.error.HTTPError as error:
        return error.code < 500
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLError)
    except OSError:
        return False
    return True


def wait_for_uploads(run: Any) -> None:
    """Wait until the run's pending uploads are done, as long as bytes move or the server at least answers.

    `finish` alone would either cut off a good upload after seconds or wait forever for a dead server.
    """
    seen, moved, asked = "", 0.0, 0.0
    while pending := _pending(run):
        now = time.monotonic()
        if pending != seen:
            seen, moved, asked = pending, now, now
        elif now - moved > STALL_S:
            return
        elif now - asked > PATIENCE_S:
            asked = now
            if not answers(run.settings):
                return
        time.sleep(POLL_S)


def _pending(run: Any) -> str:
    """Describe the remaining uploads; the text changes when something moves, and is empty when all are done."""
    # The client shows these numbers in its own progress line and has no public name for them.
    response = run._interface.deliver_poll_exit().wait_or(timeout=ANSWER_S).response.poll_exit_response
    if not response.operation_stats.operations:
        return ""
    names = [operation.desc for operation in response.operation_stats.operations]
    return f"{response.pusher_stats.uploaded_bytes} {names}"
