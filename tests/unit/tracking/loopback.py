"""A W&B server small enough for a test: takes runs, curves and artifacts of the pinned client on loopback.

It speaks the client's private protocol as far as the client was seen to use it. Where a test fails after an upgrade
of wandb, suspect this file first.
"""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Nothing: a client that exits resets its connections."""


class Backend:
    """What the server was told, and how fast it takes uploads."""

    def __init__(self, bytes_per_s=None):
        self.bytes_per_s = bytes_per_s
        self.hang = threading.Event()
        self.failing = threading.Event()
        """Everything is answered by HTTP 500."""
        self.fails_after_stream = False
        """It starts to fail with the second report of a run's curves."""
        self.refuses = False
        """Keys are answered by HTTP 401."""
        self.answer_s = 0.0
        self.operations = []
        self.stream = []
        self.runs = {}
        self.uploads = {}
        self.artifacts = []
        self.exit_code = None
        backend = self

        class Bound(Handler):
            server_backend = backend

        self._server = QuietServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    @property
    def points(self):
        """The history rows received, in order, of whichever run."""
        return [json.loads(line) for message in self.stream for line in message["history"]]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_backend: Backend

    def log_message(self, *args):
        pass

    def reply(self, body, status=200):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def read_body(self):
        left, parts = int(self.headers.get("Content-Length") or 0), []
        while left:
            part = self.rfile.read(min(left, 65536))
            if not part:
                break
            parts.append(part)
            left -= len(part)
            if self.command == "PUT" and self.server_backend.bytes_per_s:
                time.sleep(len(part) / self.server_backend.bytes_per_s)
        return b"".join(parts)

    def do_PUT(self):
        self.server_backend.uploads[self.path] = self.read_body()
        self.reply({})

    def do_GET(self):
        self.wait_while_hanging()
        if not self.refused():
            self.reply({}, 404)

    do_HEAD = do_GET

    def wait_while_hanging(self):
        while self.server_backend.hang.is_set():
            time.sleep(0.1)
        time.sleep(self.server_backend.answer_s)

    def refused(self):
        """Answer with the error that this server has, if it has one."""
        status = 401 if self.server_backend.refuses else 500 if self.server_backend.failing.is_set() else None
        if status is not None:
            self.reply({"errors": [{"message": "no"}]}, status)
        return status is not None

    def do_POST(self):
        backend, content = self.server_backend, self.read_body()
        self.wait_while_hanging()
        if self.refused():
            return
        if self.path.endswith("/graphql"):
            request = json.loads(content)
            name = re.search(r"(?:query|mutation)\s+(\w+)", request["query"])
            name = request.get("operationName") or (name and name[1])
            backend.operations.append(name)
            answer = getattr(self, f"answer_{name}", None)
            body = (
                {"data": answer(request.get("variables") or {})}
                if answer
                else {"data": {}, "errors": [{"message": name}]}
            )
            self.reply(body)
        elif self.path.endswith("/file_stream"):
            message = json.loads(content)
            files = message.get("files") or {}
            history = files.get("wandb-history.jsonl", {}).get("content", [])
            backend.stream.append({"history": history})
            start = files.get("wandb-history.jsonl", {}).get("offset", 0)
            lines = backend.runs.setdefault(self.path.split("/")[-2], [])
            lines[start:] = [json.loads(line) for line in history] if history else lines[start:]
            if message.get("complete"):
                backend.exit_code = message.get("exitcode")
            self.reply({})
            if backend.fails_after_stream:
                backend.failing.set()
        else:
            self.reply({}, 404)

    def answer_Viewer(self, variables):
        return {"viewer": {"id": "v", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}}

    def answer_ServerFeaturesQuery(self, variables):
        return {"serverInfo": {"features": []}}

    def answer_RunResumeStatus(self, variables):
        lines = self.server_backend.runs.get(variables["name"])
        if lines is None:
            return {"model": None}
        bucket = {
            "name": variables["name"],
            "displayName": "a name",
            "historyLineCount": len(lines),
            "eventsLineCount": 0,
            "logLineCount": 0,
            "historyTail": json.dumps([json.dumps(line) for line in lines[-1:]]),
            "eventsTail": "[]",
            "summaryMetrics": json.dumps(lines[-1]) if lines else "{}",
            "config": "{}",
            "wandbConfig": json.dumps({"t": 1}),  # a run without it has not begun
            "tags": [],
            "notes": None,
        }
        return {"model": {"name": "tunesmith", "entity": {"name": "me"}, "bucket": bucket}}

    def answer_UpsertBucket(self, variables):
        project = {"id": "p", "name": variables.get("project"), "entity": {"id": "e", "name": "me"}}
        bucket = {
            "id": "b",
            "name": variables.get("name"),
            "displayName": variables.get("displayName"),
            "description": None,
            "config": variables.get("config") or "{}",
            "sweepName": None,
            "project": project,
            "historyLineCount": 0,
        }
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}

    def answer_CreateRunFiles(self, variables):
        names = variables.get("files") or []
        files = [{"name": name, "uploadUrl": f"{self.server_backend.url}/files/{name}"} for name in names]
        return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}

    def answer_CreateArtifact(self, variables):
        values = variables.get("input", variables)
        self.server_backend.artifacts.append(values)
        sequence = {"id": "s", "latestArtifact": None}
        artifact = {"id": f"a{len(self.server_backend.artifacts)}", "state": "PENDING", "artifactSequence": sequence}
        return {"createArtifact": {"artifact": artifact}}

    def answer_CreateArtifactManifest(self, variables):
        file = {"id": "f", "uploadUrl": f"{self.server_backend.url}/manifest", "uploadHeaders": []}
        return {"createArtifactManifest": {"artifactManifest": {"id": "m", "file": file}}}

    def answer_CreateArtifactFiles(self, variables):
        specs = variables.get("artifactFiles") or variables.get("input", {}).get("artifactFiles") or []
        nodes = [
            {
                "node": {
                    "id": f"n{index}",
                    "name": spec["name"],
                    "displayName": spec["name"],
                    "uploadUrl": f"{self.server_backend.url}/artifacts/{spec['name']}",
                    "uploadHeaders": [],
                    "storagePath": f"path/{spec['name']}",
                    "uploadMultipartUrls": None,
                    "artifact": {"id": spec.get("artifactID", "a")},
                }
            }
            for index, spec in enumerate(specs)
        ]
        return {"createArtifactFiles": {"files": {"edges": nodes}}}

    def answer_CommitArtifact(self, variables):
        return {"commitArtifact": {"artifact": {"id": variables.get("artifactID", "a"), "digest": "d"}}}
