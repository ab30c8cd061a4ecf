"""How exporters of OpenTelemetry send, and how they are answered: in the encoding that they sent.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp. A sender tries again after 429, 502, 503 and 504, and gives
up what it sent after anything else.
"""

import gzip
import io
import zlib

import msgspec
import psycopg
from starlette.requests import Request
from starlette.responses import Response

from reverie.api.limits import MOST_BODY_BYTES
from reverie.errors import InputError, MediaError, SizeError
from reverie.sessions.importers.otlp.request import Encoding, Kind, can_read, encoded_answer, encoded_status

_MEDIA: dict[str, Encoding] = {"application/json": "json", "application/x-protobuf": "protobuf"}
_RETRY_SECONDS = 5
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 413: 8, 415: 3, 429: 8, 503: 14, 504: 4}
"""gRPC's codes of HTTP statuses (https://grpc.github.io/grpc/core/md_doc_statuscodes.html)."""
_INTERNAL = 13


def encoding_of(request: Request) -> Encoding:
    """How a request is encoded, by its Content-Type.

    Raises:
        MediaError: it is in no encoding of OTLP, or in one that needs a library that is not installed.
    """
    media = _media(request)
    if media not in _MEDIA:
        raise MediaError(f"Content-Type {media[:100]!r}: send application/x-protobuf or application/json")
    if not can_read(_MEDIA[media]):
        raise MediaError(
            "this server reads OTLP as JSON alone: install reverie[otlp] (or opentelemetry-proto) for protobuf, "
            "or set OTEL_EXPORTER_OTLP_PROTOCOL=http/json where the exporter has it"
        )
    return _MEDIA[media]


def unpacked(data: bytes, content_encoding: str) -> bytes:
    """The body itself.

    Raises:
        MediaError: it is packed by something else than gzip.
        SizeError: it unpacks to more than is taken.
        InputError: it is no gzip, or cut off.
    """
    packed = content_encoding.strip().lower()
    if packed in ("", "identity"):
        return data
    if packed not in ("gzip", "x-gzip"):
        raise MediaError(f"Content-Encoding {packed[:100]!r}: send gzip or none")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            found = file.read(MOST_BODY_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"the body is no whole gzip: {error}") from error
    if len(found) > MOST_BODY_BYTES:
        raise SizeError(f"the body unpacks to more than {MOST_BODY_BYTES:,} bytes; send smaller batches")
    return found


def answer(kind: Kind, encoding: Encoding, rejected: int = 0, reason: str = "") -> Response:
    """That all was kept, or all but what was rejected."""
    return Response(encoded_answer(kind, encoding, rejected, reason), media_type=_media_type(encoding))


def error_form(request: Request, error: Exception, envelope: Response) -> Response:
    """An error as a ``google.rpc.Status``; what may pass is told as such, so that nothing is lost."""
    media = _media(request)
    encoding = _MEDIA.get(media, "json")
    status = envelope.status_code
    if status == 529 or isinstance(error, psycopg.OperationalError):
        status = 503
    message = msgspec.json.decode(envelope.body)["error"]["message"]
    headers = {name: value for name, value in envelope.headers.items() if not name.startswith("content-")}
    if status in (429, 503, 504):
        headers.setdefault("retry-after", str(_RETRY_SECONDS))
        headers.pop("x-should-retry", None)
    content = encoded_status(encoding, _CODES.get(status, _INTERNAL), message)
    return Response(content, status, headers, media_type=_media_type(encoding))


def _media(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _media_type(encoding: Encoding) -> str:
    return next(media for media, known in _MEDIA.items() if known == encoding)
