"""ONNX Runtime Web: the files of the npm package that the page needs, checked by their hashes.

They are the smallest builds that run the network: WebAssembly, and WebGPU with JSPI.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from pathlib import Path

from midtone.errors import UsageError

VERSION = "1.30.0"
WEBGPU_FILES = {
    "ort.jspi.min.mjs": "bc57179d923fda2d88d4a395359c8df44399dde087bf9ff44fc0e40ab398e4d9",
    "ort-wasm-simd-threaded.jspi.mjs": "270e2c6da9f297239d301d329782b6446641cb1e16a77967690adcfca35f3268",
    "ort-wasm-simd-threaded.jspi.wasm": "a54c76f86b0f0d9572380cf1c6292a7b3903716ffcbcd6b0e5c7050bf430eb93",
}
FILES = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
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
        if hashlib.sha256(found[name]).hexdigest() != sha256:
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
