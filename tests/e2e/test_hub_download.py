"""A data set is downloaded once from a Hub that a test serves, and read from the cache when the Hub is gone."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow
import pytest
from pyarrow import parquet

COMMIT = "d" * 40
CARD = """---
dataset_info:
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': bad
          '1': good
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
---
"""
REPOSITORY = "/api/datasets/acme/films"


def rows():
    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"text": [f"film {i}" for i in range(40)], "label": [0, 1] * 20}), file)
    return file.getvalue()


FILES = {"README.md": CARD.encode(), "data/train-00000-of-00001.parquet": rows()}


class Hub(BaseHTTPRequestHandler):
    """What the library asks of the Hub: the files at a commit, and which there are."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, body=b"", **headers):
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if "/acme/films/resolve/" in path:
            name = path.split("/resolve/")[1].partition("/")[2]
            if name in FILES:
                tag = f'"{hashlib.sha1(FILES[name]).hexdigest()}"'
                return self.answer(200, FILES[name], ETag=tag, X_Repo_Commit=COMMIT)
            return self.answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
        if path.startswith(f"{REPOSITORY}/tree/"):
            folder = path.split("/tree/")[1].partition("/")[2]
            inside = [name for name in FILES if name.rpartition("/")[0] == folder]
            items = [{"type": "file", "path": name, "size": len(FILES[name]), "oid": "0" * 40} for name in inside]
            items += [{"type": "directory", "path": "data", "oid": "0" * 40}] if not folder else []
            return self.answer(200, json.dumps(items).encode(), Content_Type="application/json")
        if path.startswith(f"{REPOSITORY}/revision/"):
            return self.answer(200, json.dumps({"id": "acme/films", "sha": COMMIT}).encode())
        return self.answer(200) if path == "/" else self.answer(404, X_Error_Code="RepoNotFound")

    do_HEAD = do_GET


@pytest.mark.slow
def test_a_download_is_made_once_and_found_without_the_hub(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    dropped = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_DATASETS_CACHE", "HF_HUB_CACHE")
    environment = {key: value for key, value in os.environ.items() if key not in dropped}
    environment |= {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path)}

    def check(path):
        command = [sys.executable, "-m", "tunesmith", "check", "data=hub", f"data.path={path}", "model=tiny_encoder"]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    try:
        first, none = check("acme/films"), check("acme/none")
    finally:
        server.shutdown()
        server.server_close()
    later = check("acme/films")
    for ended in (first, later):
        assert ended.returncode == 0, ended.stderr
        assert f"configuration default at commit {COMMIT[:12]}, splits train (40 rows)" in ended.stderr
        assert "2 (bad, good)" in ended.stdout
    assert none.returncode == 3
    assert "acme/none: the Hub's library cannot read it" in none.stderr
    assert "Traceback" not in none.stderr
