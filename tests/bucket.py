"""A Google Cloud Storage of one bucket in this process: what gcsfs, TensorStore and
google-cloud-storage ask of its JSON API, with its generations and preconditions."""

import base64
import contextlib
import email
import hashlib
import itertools
import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

JSON = "application/json"
OBJECT = re.compile(r"(?:/download)?/storage/v1/b/bucket/o/([^/]+)")
MOVE = re.compile(r"/storage/v1/b/bucket/o/([^/]+)/moveTo/o/([^/]+)")


class Bucket:
    """The objects of gs://bucket: `{name: (generation, bytes)}`.

    held: an object with this in its name is not written; who writes it waits for ever.
    """

    def __init__(self) -> None:
        self.objects: dict[str, tuple[int, bytes]] = {}
        self.held: str | None = None
        self.readonly = False
        self.lock = threading.Lock()
        self._generations = itertools.count(1)
        self._uploads: dict[str, tuple[str, bytearray]] = {}

    def write(self, name: str, data: bytes, match: str | None = None) -> dict | None:
        """Stores an object. Returns its description, or None if `match` is not its
        generation."""
        if self.held and self.held in name:
            threading.Event().wait()
        with self.lock:
            if match not in (None, str(self.objects.get(name, (0,))[0])):
                return None
            self.objects[name] = next(self._generations), data
        return self.describe(name)

    def describe(self, name: str) -> dict:
        generation, data = self.objects[name]
        digest = base64.b64encode(hashlib.md5(data).digest()).decode()
        return {
            "kind": "storage#object",
            "bucket": "bucket",
            "name": name,
            "generation": str(generation),
            "metageneration": "1",
            "size": str(len(data)),
            "md5Hash": digest,
            "timeCreated": "2024-01-01T00:00:00.000Z",
            "updated": "2024-01-01T00:00:00.000Z",
        }

    def list(self, query: dict[str, str]) -> dict:
        prefix = query.get("prefix", "")
        delimiter = query.get("delimiter")
        first, end = query.get("startOffset", ""), query.get("endOffset")
        items = []
        prefixes = {}
        for name in sorted(self.objects):
            if not name.startswith(prefix) or name < first or (end and name >= end):
                continue
            head, found, _ = name[len(prefix) :].partition(delimiter or "\0")
            if found:
                prefixes[prefix + head + found] = None
            else:
                items.append(self.describe(name))
        return {"kind": "storage#objects", "items": items, "prefixes": [*prefixes]}

    def begin_upload(self, name: str) -> str:
        key = str(next(self._generations))
        self._uploads[key] = name, bytearray()
        return key

    def go_on(self, key: str, data: bytes, content_range: str) -> dict | None:
        """Adds a part; returns the object's description when the last byte has come."""
        name, received = self._uploads[key]
        received += data
        total = content_range.rpartition("/")[2]
        if total == "*" or (total and len(received) < int(total)):
            return None
        return self.write(name, bytes(received))


def handler(bucket: Bucket) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            pass

        def reply(self, code: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def reply_json(self, value: dict | None) -> None:
            if value is None:
                self.reply(412)
            else:
                self.reply(200, json.dumps(value).encode(), Content_Type=JSON)

        def ask(self) -> tuple[str, dict[str, str]]:
            url = urlsplit(self.path)
            query = parse_qs(url.query, keep_blank_values=True)
            return url.path, {name: values[0] for name, values in query.items()}

        def do_GET(self) -> None:
            path, query = self.ask()
            if path == "/storage/v1/b/bucket":
                self.reply_json({"kind": "storage#bucket", "name": "bucket"})
            elif path == "/storage/v1/b/bucket/o":
                with bucket.lock:
                    found = bucket.list(query)
                self.reply_json(found)
            elif match := OBJECT.fullmatch(path):
                self.get_object(unquote(match[1]), query)
            else:
                self.reply(404)

        def get_object(self, name: str, query: dict[str, str]) -> None:
            with bucket.lock:
                generation, data = bucket.objects.get(name, (0, b""))
                described = bucket.describe(name) if generation else None
            if described is None:
                self.reply(404)
            elif query.get("ifGenerationNotMatch") == str(generation):
                self.reply(304)
            elif query.get("ifGenerationMatch", str(generation)) != str(generation):
                self.reply(412)
            elif query.get("alt") != "media":
                self.reply_json(described)
            else:
                self.send_bytes(data, str(generation))

        def send_bytes(self, data: bytes, generation: str) -> None:
            size = len(data)
            wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if not wanted:
                self.reply(200, data, x_goog_generation=generation)
                return
            first, last = int(wanted[1]), min(int(wanted[2] or size), size - 1)
            if first >= size:
                self.reply(416)
                return
            part = data[first : last + 1]
            where = f"bytes {first}-{last}/{size}"
            self.reply(206, part, x_goog_generation=generation, Content_Range=where)

        def do_POST(self) -> None:
            path, query = self.ask()
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if bucket.readonly:
                self.reply(403, b'{"error": {"message": "no right to write"}}')
            elif path == "/upload/storage/v1/b/bucket/o":
                self.upload(query, body)
            elif path == "/batch/storage/v1":
                self.batch(body)
            elif match := MOVE.fullmatch(path):
                self.move(*map(unquote, match.groups()))
            else:
                self.reply(404)

        do_PUT = do_POST

        def move(self, old: str, new: str) -> None:
            with bucket.lock:
                deleted = bucket.objects.pop(old, None)
                if deleted:
                    bucket.objects[new] = deleted
            self.reply_json(bucket.describe(new)) if deleted else self.reply(404)

        def upload(self, query: dict[str, str], body: bytes) -> None:
            match = query.get("ifGenerationMatch")
            if "upload_id" in query:
                content_range = self.headers.get("Content-Range", "")
                done = bucket.go_on(query["upload_id"], body, content_range)
                self.reply_json(done) if done else self.reply(308)
            elif query["uploadType"] == "resumable":
                name = query.get("name") or json.loads(body)["name"]
                where = f"http://{self.headers['Host']}{self.path}&upload_id="
                self.reply(200, Location=where + bucket.begin_upload(name))
            elif query["uploadType"] == "media":
                self.reply_json(bucket.write(query["name"], body, match))
            else:
                name, data = multipart(self.headers["Content-Type"], body)
                self.reply_json(bucket.write(name, data, match))

        def batch(self, body: bytes) -> None:
            """gcsfs batches deletions only."""
            parts = []
            for name in re.findall(
                r"DELETE /storage/v1/b/bucket/o/(\S+)", body.decode()
            ):
                with bucket.lock:
                    deleted = bucket.objects.pop(unquote(name), None)
                parts.append(
                    f"--cut\r\n\r\nHTTP/1.1 {204 if deleted else 404} .\r\n\r\n"
                )
            text = "".join(parts) + "--cut--"
            self.reply(200, text.encode(), Content_Type="multipart/mixed; boundary=cut")

        def do_DELETE(self) -> None:
            path, _ = self.ask()
            match = OBJECT.fullmatch(path)
            with bucket.lock:
                deleted = match and bucket.objects.pop(unquote(match[1]), None)
            self.reply(204 if deleted else 404)

    return Handler


def multipart(content_type: str, body: bytes) -> tuple[str, bytes]:
    """The name and bytes of an object that was sent with its description."""
    cut = (
        b"--"
        + email.message_from_string(f"Content-Type: {content_type}")
        .get_boundary()
        .encode()
    )
    _, head, data, _ = re.split(rb"\r?\n?" + re.escape(cut), body, maxsplit=3)
    name = json.loads(re.split(rb"\r?\n\r?\n", head, maxsplit=1)[1])["name"]
    return name, re.split(rb"\r?\n\r?\n", data, maxsplit=1)[1]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing: a killed client is not an error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def serve() -> Iterator[tuple[Bucket, dict[str, str]]]:
    """Yields a `Bucket` and the environment that leads to it."""
    bucket = Bucket()
    server = Server(("localhost", 0), handler(bucket))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://localhost:{server.server_port}"
    try:
        yield (
            bucket,
            {
                "STORAGE_EMULATOR_HOST": url,  # gcsfs, google-cloud-storage
                "TENSORSTORE_GCS_HTTP_URL": url,
                "CLOUD_STORAGE_EMULATOR_ENDPOINT": url,  # ArrayRecord's
                "NO_GCE_CHECK": "true",  # looking for credentials takes seconds
            },
        )
    finally:
        server.shutdown()
