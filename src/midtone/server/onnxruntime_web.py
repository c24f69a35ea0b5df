"""ONNX Runtime Web: the files of the npm package that the page needs, checked by their hashes.

They are the smallest builds that run the network: WebAssembly, and WebGPU with JSPI.
"""

from __future__ import annotations

import base64
import hashlib
import tarfile
import zlib
from pathlib import Path

from midtone.errors import UsageError

VERSION = "1.30.0"
# Their SHA-256 in base64.
WEBGPU_FILES = {
    "ort.jspi.min.mjs": "vFcXnZI/2i2I1KOVNZyN9EOZ3eCHv5/0T8DkCrOY5Nk=",
    "ort-wasm-simd-threaded.jspi.mjs": "Jw4sbanylyOdMB0yl4K2RGZByx4Wp3lnaQrc/KNfMmg=",
    "ort-wasm-simd-threaded.jspi.wasm": "pUx2+GsPDZVyOAzxxikqezkDcW/8vNaw5ccFC/Qw65M=",
}
FILES = {
    "ort.wasm.min.mjs": "IZ5qH8ipk4Jo0Y78o8kdMQvS9KWbvRN0TfWyt/xs7js=",
    "ort-wasm-simd-threaded.mjs": "4T9/lPxRtMpysS+use6V9Kzm37yJObxxiqvcCifEKZs=",
    "ort-wasm-simd-threaded.wasm": "M5jBDQfSKb2Rs2RUjhMODlGo5XBLiMfAg+u+t4hC3uI=",
} | WEBGPU_FILES


def read_package(path: Path) -> dict[str, bytes]:
    """The files by name, from the package as `npm pack` writes it, or from its folder.

    Raises UsageError if it is not the package of this version.
    """
    try:
        found = _from_folder(path) if path.is_dir() else _from_archive(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); {_REMEDY}") from error
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: is no whole .tgz file; {_REMEDY}") from error
    for name, sha256 in FILES.items():
        if name not in found:
            raise UsageError(f"{path}: has no {name}; {_REMEDY}")
        if base64.b64encode(hashlib.sha256(found[name]).digest()).decode() != sha256:
            raise UsageError(f"{path}: its {name} is not that of version {VERSION}; {_REMEDY}")
    return found


_REMEDY = f"get onnxruntime-web {VERSION} with: npm pack onnxruntime-web@{VERSION}"


def _from_folder(path: Path) -> dict[str, bytes]:
    folder = path / "dist" if (path / "dist").is_dir() else path
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}


def _from_archive(path: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.removeprefix("package/dist/")
            stream = archive.extractfile(member) if name in FILES else None
            if stream:
                found[name] = stream.read()
    return found
