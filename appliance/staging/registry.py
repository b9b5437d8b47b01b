"""A registry as a client: the OCI Distribution API 1.1, by Python's own library.

Nothing follows a redirection to another host, and nothing is believed without its digest.
"""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

from appliance.errors import StepError
from appliance.staging.archive import INDEXES, MANIFESTS, Blob, Manifest

_CHUNK = 1 << 20
_LARGEST_MANIFEST = 4 << 20
_SAID = 300
_OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry at `host:port`, over plain HTTP inside the site. `timeout` in seconds.

    Every method raises StepError naming the registry if it does not answer or says no.
    """

    where: str
    timeout: float = 30.0

    def answers(self) -> bool:
        """Say whether a registry answers there."""
        try:
            with self._ask("GET", "/v2/") as (status, _, _):
                return status in (200, 401)
        except StepError:
            return False

    def has_blob(self, repository: str, blob: Blob) -> bool:
        """Say whether the registry holds a blob, of its full size."""
        with self._ask("HEAD", f"/v2/{repository}/blobs/{blob.digest}") as (status, headers, _):
            return status == 200 and headers.get("content-length") == str(blob.size)

    def has_manifest(self, repository: str, reference: str, digest: str) -> bool:
        """Say whether a tag or digest stands for that very manifest."""
        path = f"/v2/{repository}/manifests/{reference}"
        with self._ask("HEAD", path, headers=_ACCEPT) as (status, headers, _):
            return status == 200 and headers.get("docker-content-digest") == digest

    def put_blob(self, repository: str, blob: Blob, parts: Iterable[bytes]) -> None:
        """Upload a blob in one go; the registry checks its digest."""
        with self._ask("POST", f"/v2/{repository}/blobs/uploads/") as (status, headers, body):
            self._expect(f"an upload to {repository}", status, 202, body)
            location = headers.get("location", "")
        target = self._on_this_host(location)
        joined = "&" if "?" in target else "?"
        sent = {"Content-Length": str(blob.size), "Content-Type": _OCTETS}
        path = f"{target}{joined}{urlencode({'digest': blob.digest})}"
        with self._ask("PUT", path, body=parts, headers=sent) as (status, _, body):
            self._expect(f"the blob {blob.digest} of {repository}", status, 201, body)

    def put_manifest(self, repository: str, reference: str, manifest: Manifest) -> None:
        """Put a manifest under a tag or its digest."""
        sent = {"Content-Type": manifest.media_type, "Content-Length": str(len(manifest.body))}
        path = f"/v2/{repository}/manifests/{reference}"
        with self._ask("PUT", path, body=manifest.body, headers=sent) as (status, headers, body):
            self._expect(f"the manifest {repository}:{reference}", status, 201, body)
            given = headers.get("docker-content-digest", manifest.digest)
        if given != manifest.digest:
            raise self._no(f"the manifest {repository}:{reference}", f"it was kept as {given}")

    def manifest(self, repository: str, reference: str) -> tuple[str, bytes]:
        """Give a manifest's digest, computed here, and its octets."""
        path = f"/v2/{repository}/manifests/{reference}"
        with self._ask("GET", path, headers=_ACCEPT) as (status, _, body):
            self._expect(f"the manifest {repository}:{reference}", status, 200, body)
            octets = body.read(_LARGEST_MANIFEST)
        return f"sha256:{hashlib.sha256(octets).hexdigest()}", octets

    def check_blob(self, repository: str, blob: Blob) -> None:
        """Read a whole blob and see that it is what it is named."""
        digest, size = hashlib.sha256(), 0
        path = f"/v2/{repository}/blobs/{blob.digest}"
        with self._ask("GET", path) as (status, _, body):
            self._expect(f"the blob {blob.digest} of {repository}", status, 200, body)
            while part := body.read(_CHUNK):
                digest.update(part)
                size += len(part)
        if f"sha256:{digest.hexdigest()}" != blob.digest or size != blob.size:
            raise self._no(f"the blob {blob.digest} of {repository}", "its octets are others")

    # ---------------------------------------------------------------- inside

    @contextmanager
    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Iterable[bytes] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[tuple[int, Mapping[str, str], http.client.HTTPResponse]]:
        line = http.client.HTTPConnection(self.where, timeout=self.timeout)
        try:
            line.request(method, path, body=body, headers={**(headers or {})})
            answer = line.getresponse()
            yield answer.status, {name.lower(): each for name, each in answer.getheaders()}, answer
        except (OSError, http.client.HTTPException) as error:
            raise StepError(
                "the registry does not answer",
                where=self.where,
                why=str(error) or type(error).__name__,
                fix="see that the staging machine runs, then run again",
            ) from error
        finally:
            line.close()

    def _on_this_host(self, location: str) -> str:
        found = urlsplit(urljoin(f"http://{self.where}/", location))
        if found.netloc != self.where:
            raise self._no("an upload", f"it leads to another host, {found.netloc!r}")
        return found.path + (f"?{found.query}" if found.query else "")

    def _expect(self, what: str, status: int, wanted: int, body: http.client.HTTPResponse) -> None:
        if status != wanted:
            said = body.read(_SAID).decode("utf-8", "replace").strip()
            raise self._no(what, f"{status} {said}".strip())

    def _no(self, what: str, why: str) -> StepError:
        return StepError(f"the registry did not take or give {what}", where=self.where, why=why)


_ACCEPT = {"Accept": ", ".join((*MANIFESTS, *INDEXES))}
