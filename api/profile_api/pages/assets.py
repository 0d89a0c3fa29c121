"""The files that browsers load: read once at start, named by content, served from memory."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from profile_domain.requests.headers import names_version

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_ZERO = re.compile(r"q=0(\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as served, in both codings; they differ, so their strong tags do too."""

    digest: str
    media_type: str
    plain: bytes
    gzipped: bytes

    def response(self, request: Request) -> Response:
        """200, or 304 to a reader who has it (RFC 9110 section 13.1.2)."""
        headers = request.headers
        zipped = accepts_gzip(", ".join(headers.getlist("accept-encoding")))
        etag = f'"{self.digest}-gzip"' if zipped else f'"{self.digest}"'
        answer = {
            "Cache-Control": "public, max-age=31536000, immutable",
            "ETag": etag,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if names_version(", ".join(headers.getlist("if-none-match")), etag):
            return Response(status_code=304, headers=answer)
        body = self.gzipped if zipped else self.plain
        answer |= {"Content-Type": self.media_type, "Content-Length": str(len(body))}
        if zipped:
            answer["Content-Encoding"] = "gzip"
        return Response(body if request.method == "GET" else b"", headers=answer)


@dataclass(frozen=True, slots=True)
class Assets:
    """Every style sheet, script and drawing of some folders, under names that hold their hash."""

    files: dict[str, Asset]
    urls: dict[str, str]

    @classmethod
    def load(cls, *folders: Path, modules: Sequence[Path] = ()) -> Assets:
        """Reads ``<folder>/*`` and ``<folder>/vendored/*``; a file may be stored as ``.gz``.

        Modules import each other by their plain names, so a folder of ``modules`` is named by
        the hash of all that is in it, and the files keep their names.
        """
        files, urls = {}, {}
        for folder in [*folders, *modules]:
            found = dict(_read(folder))
            every = sha256("".join(asset.digest for asset in found.values()).encode()).hexdigest()
            for name, asset in found.items():
                stem, dot, suffix = name.rpartition(".")
                hashed = f"{folder.name}/{stem}.{asset.digest[:16]}{dot}{suffix}"
                if folder in modules:
                    hashed = f"{folder.name}/{every[:16]}/{name}"
                files[hashed] = asset
                urls[f"{folder.name}/{name}"] = f"assets/{hashed}"
        return cls(files, urls)

    def url(self, name: str) -> str:
        """Where ``<folder's name>/<file's name>`` is served, say ``graphiql/start.js``: relative to
        a page at the top, so that it holds behind a prefix that a proxy strips.
        """
        return self.urls[name]

    async def serve(self, request: Request) -> Response:
        asset = self.files.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404)
        return asset.response(request)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether gzip has a weight above zero (RFC 9110 section 12.5.3)."""
    weights = {}
    for item in accept_encoding.lower().split(","):
        coding, _, weight = item.partition(";")
        weights[coding.strip()] = weight.strip()
    weight = weights.get("gzip", weights.get("*", "q=0"))
    return not _ZERO.fullmatch(weight)


def _read(folder: Path) -> Iterator[tuple[str, Asset]]:
    for path in sorted([*folder.glob("*"), *folder.glob("vendored/*")]):
        name = path.name.removesuffix(".gz")
        media_type = TYPES.get(Path(name).suffix)
        if media_type is None:
            continue
        stored = path.read_bytes()
        if path.suffix == ".gz":
            plain, gzipped = gzip.decompress(stored), stored
        else:
            plain, gzipped = stored, gzip.compress(stored, mtime=0)
        yield name, Asset(sha256(plain).hexdigest(), media_type, plain, gzipped)
