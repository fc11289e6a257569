"""An object store of a test's own, that speaks S3 on this machine."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.environment import environment
from support.waiting import until
from support.watchers import free_port

# Its libraries' pins do not meet ours. Installed without its `server` extra: S3 needs none of that.
PACKAGES = ("boto3==1.43.117", "flask==3.1.3", "flask-cors==6.0.5", "moto[s3]==5.2.5")


@contextmanager
def running_objects(folder: Path) -> Iterator[str]:
    """A store that keeps everything in memory, as its URL."""
    python, port = environment("object-store", PACKAGES), free_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "objects.log").open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            until(lambda: _answers(url), "the object store")
            yield url
        finally:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
