"""Published weights: every format, and every way in which a file can be wrong."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from learned_weights import variables

torch = pytest.importorskip("torch")

from safetensors.numpy import save_file  # noqa: E402

from midtone.baselines.learned import (  # noqa: E402
    catalogue,
    hdrcnn,
    networks,
    published,
    tensorflow_checkpoint,
    vgg,
    weights,
)
from midtone.baselines.learned.importing import checksum, import_weights  # noqa: E402
from midtone.errors import ModelError, UsageError  # noqa: E402

DATA_SUFFIX = ".data-00000-of-00001"


def write_checkpoint(stem: Path, values: Mapping[str, np.ndarray], block: int = 20) -> Path:
    """A TensorFlow checkpoint as its format is described; returns the index's path."""
    names = sorted(values)
    entries = [(b"", b"\x08\x01\x1a\x02\x08\x01")]
    data = b""
    for name in names:
        raw = np.ascontiguousarray(values[name]).tobytes()
        kind = {"f": 1, "i": 9}[values[name].dtype.kind]
        dimensions = b"".join(
            b"\x12" + varint(len(d := b"\x08" + varint(size))) + d for size in values[name].shape
        )
        message = b"\x08" + varint(kind)
        if dimensions:
            message += b"\x12" + varint(len(dimensions)) + dimensions
        message += b"\x20" + varint(len(data)) + b"\x28" + varint(len(raw))
        message += b"\x35" + struct.pack("<I", tensorflow_checkpoint.masked_checksum(raw))
        entries.append((name.encode(), message))
        data += raw
    table, handles = b"", []
    for start in range(0, len(entries), block):
        some = entries[start : start + block]
        handles.append((some[-1][0], handle(len(table), body := blocked(some))))
        table += sealed(body)
    meta, index = blocked([]), blocked(handles)
    footer = handle(len(table), meta)
    table += sealed(meta)
    footer += handle(len(table), index)
    table += sealed(index)
    table += footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    Path(f"{stem}{DATA_SUFFIX}").write_bytes(data)
    Path(f"{stem}.index").write_bytes(table)
    return Path(f"{stem}.index")


def varint(value: int) -> bytes:
    result = b""
    while value >= 0x80:
        result += bytes([value & 0x7F | 0x80])
        value >>= 7
    return result + bytes([value])


def blocked(entries: list[tuple[bytes, bytes]]) -> bytes:
    body, last = b"", b""
    for key, value in entries:
        same = [a == b for a, b in zip(last, key, strict=False)]
        shared = (*same, False).index(False)
        body += varint(shared) + varint(len(key) - shared) + varint(len(value))
        body += key[shared:] + value
        last = key
    return body + struct.pack("<II", 0, 1)


def handle(start: int, body: bytes) -> bytes:
    return varint(start) + varint(len(body))


def sealed(body: bytes) -> bytes:
    kind = body + b"\0"
    return kind + struct.pack("<I", tensorflow_checkpoint.masked_checksum(kind))


@pytest.fixture(scope="session")
def dped() -> dict[str, np.ndarray]:
    return variables("dped-sony")


@pytest.fixture
def checkpoint(tmp_path, dped) -> Path:
    extra = {
        "generator/W1/Adam": np.ones(3, np.float32),
        "global_step": np.array(7, np.int64),
    }
    return write_checkpoint(tmp_path / "sony_orig", dped | extra)


def test_the_checksum_is_crc_32c():
    crc = tensorflow_checkpoint.masked_checksum(b"123456789")
    rotated = (crc - 0xA282EAD8) & 0xFFFFFFFF
    assert (rotated >> 17 | rotated << 15) & 0xFFFFFFFF == 0xE3069283


@pytest.mark.parametrize("name", ["sony_orig.index", "sony_orig" + DATA_SUFFIX, "sony_orig"])
def test_a_checkpoint_is_read_without_tensorflow(checkpoint, dped, name):
    values = published.read_file(checkpoint.parent / name)
    assert set(values) == set(dped)
    for key, value in dped.items():
        np.testing.assert_array_equal(values[key], value)


def test_an_imported_method_has_source_and_licence(checkpoint, tmp_path):
    imported = import_weights("dped-sony", [checkpoint])
    out = tmp_path / "out" / "dped-sony.safetensors"
    weights.write(out, imported.values, imported.info)
    info = weights.read_info(out)
    assert info == imported.info
    assert info.label == "dped-sony (authors')"
    assert info.licence == catalogue.NO_LICENCE
    assert set(info.made["files"]) == {checkpoint.name, "sony_orig" + DATA_SUFFIX}
    assert info.made["known"] is False
    image = np.zeros((20, 30, 3), np.uint8)
    assert networks.load(out)(image).shape == image.shape


@pytest.mark.parametrize("method", ["deep-upe", "retinexnet", "dpe-hdr"])
def test_every_layout_survives(tmp_path, method):
    """Made-up values differ everywhere, so a wrong transposition would change the network."""
    theirs = variables(method)
    if method == "dpe-hdr":
        scope = "netG-999_var_scope/netG-999_var_scopeA/netG-999_"
        theirs = {name.replace("netG_", scope): value for name, value in theirs.items()}
    save_file(theirs, tmp_path / "published.safetensors")
    imported = import_weights(method, [tmp_path / "published.safetensors"])
    definition = networks.DEFINITIONS[method]
    back = {definition.normalise(name): value for name, value in theirs.items()}
    for ours, name in definition.names.items():
        value = imported.values[ours]
        if value.ndim == 4:
            turned = value.transpose(2, 3, 1, 0)
            np.testing.assert_array_equal(turned.ravel(), back[name].ravel())
        else:
            np.testing.assert_array_equal(value, back[name].T)


def test_a_torch_file_is_read(tmp_path):
    network = networks.DEFINITIONS["zero-dce"].build()
    torch.save(network.state_dict(), tmp_path / "Epoch99.pth")
    imported = import_weights("zero-dce", [tmp_path / "Epoch99.pth"])
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(imported.values[name], value.numpy())


def test_a_list_of_arrays_is_read(tmp_path):
    theirs = variables("hdrcnn-reinhard")
    arrays = np.empty(80, object)
    arrays[:] = [theirs[name] for name in hdrcnn.published_names().values()]
    np.savez(tmp_path / "hdrcnn_params.npz", params=arrays)
    imported = import_weights("hdrcnn-rht", [tmp_path / "hdrcnn_params.npz"])
    assert imported.info.made["missing"] == ["rht"]
    kernel = imported.values["hdrcnn.up.4.conv.weight"]
    np.testing.assert_array_equal(
        kernel.transpose(2, 3, 1, 0), theirs["decoder/h5/decon2d/W_deconv2d"]
    )


def test_one_of_two_networks_is_not_enough_to_run(tmp_path):
    old = {"RelightNet/conv2d/kernel": np.zeros((3, 3, 64, 64), np.float32)}
    index = write_checkpoint(tmp_path / "Decom", variables("retinexnet", "decom") | old)
    imported = import_weights("retinexnet", [index])
    assert imported.info.made["missing"] == ["relight"]
    weights.write(tmp_path / "half.safetensors", imported.values, imported.info)
    with pytest.raises(ModelError, match=r"lacks 18 of 32 values.*import all files"):
        networks.load(tmp_path / "half.safetensors")
    other = write_checkpoint(tmp_path / "Relight", variables("retinexnet", "relight"))
    assert not import_weights("retinexnet", [index, other]).info.made["missing"]


class Hostile:
    """Unpickled without restriction, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_foreign_pickle_is_not_executed(tmp_path):
    mark = tmp_path / "executed"
    torch.save({"e_conv1.weight": Hostile(mark)}, tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Hostile(mark)))
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.writestr("params.npy", stream.getvalue() + pickle.dumps(Hostile(mark)))
    for name, method in (("a.pth", "zero-dce"), ("b.pth", "zero-dce"), ("c.npz", "hdrcnn-rht")):
        with pytest.raises(ModelError, match="holds more than"):
            import_weights(method, [tmp_path / name])
    assert not mark.exists()


def test_a_truncated_checkpoint(checkpoint):
    data = Path(str(checkpoint).replace(".index", DATA_SUFFIX))
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"bytes instead of the \d+ in sony_orig\.index"):
        import_weights("dped-sony", [checkpoint])


def test_a_changed_byte(checkpoint):
    data = Path(str(checkpoint).replace(".index", DATA_SUFFIX))
    raw = bytearray(data.read_bytes())
    raw[5000] ^= 1
    data.write_bytes(raw)
    with pytest.raises(ModelError, match="are damaged"):
        import_weights("dped-sony", [checkpoint])


@pytest.mark.parametrize("cut", [0, 10, 47, 100, -1])
def test_a_truncated_index(checkpoint, cut):
    checkpoint.write_bytes(checkpoint.read_bytes()[:cut])
    with pytest.raises(ModelError, match="no index of a TensorFlow checkpoint"):
        import_weights("dped-sony", [checkpoint])


def test_a_checkpoint_without_its_other_file(checkpoint):
    Path(str(checkpoint).replace(".index", DATA_SUFFIX)).unlink()
    with pytest.raises(ModelError, match=r"needs its \.index and data file"):
        import_weights("dped-sony", [checkpoint])


def test_the_wrong_method(checkpoint):
    with pytest.raises(ModelError, match=r"not the weights of deep-upe: .* is missing"):
        import_weights("deep-upe", [checkpoint])
    with pytest.raises(UsageError, match="no learned method dpad"):
        import_weights("dpad", [checkpoint])


def test_another_phones_weights(checkpoint, tmp_path, dped, monkeypatch):
    """All three DPED networks have the same names and shapes; published values are told apart."""
    iphone = catalogue.method("dped-iphone")
    known = checksum(import_weights("dped-iphone", [checkpoint]).values)
    monkeypatch.setitem(catalogue.METHODS, iphone.name, replace(iphone, known=(known,)))
    save_file(dped, tmp_path / "copied.safetensors")
    for path in (checkpoint, tmp_path / "copied.safetensors"):
        with pytest.raises(ModelError, match="these are the weights of dped-iphone"):
            import_weights("dped-sony", [path])
        assert import_weights("dped-iphone", [path]).info.made["known"] is True


def test_files_that_midtone_made_are_not_imported_again(checkpoint, tmp_path):
    """They would change their licence: trained ones have the names of Zero-DCE's authors."""
    imported = import_weights("dped-sony", [checkpoint])
    weights.write(tmp_path / "dped-sony.safetensors", imported.values, imported.info)
    with pytest.raises(ModelError, match=r"made by midtone, dped-sony \(authors'\); copy it to"):
        import_weights("dped-sony", [tmp_path / "dped-sony.safetensors"])


def test_a_wrong_shape(tmp_path, dped):
    wrong = dped | {"generator/W5": np.zeros((3, 3, 64, 32), np.float32)}
    index = write_checkpoint(tmp_path / "wrong", wrong)
    with pytest.raises(ModelError, match=r"generator/W5 has the shape \(3, 3, 64, 32\)"):
        import_weights("dped-sony", [index])


def test_values_that_are_no_numbers(tmp_path, dped):
    wrong = dped | {"generator/b5": np.full(64, np.nan, np.float32)}
    with pytest.raises(ModelError, match="generator/b5 has values that are no numbers"):
        import_weights("dped-sony", [write_checkpoint(tmp_path / "wrong", wrong)])


@pytest.mark.parametrize("name", ["a.pth", "a.npz", "a.safetensors", "a.index", "a.txt"])
@pytest.mark.parametrize("content", [b"", b"PK\3\4 something else", b"\x80\x02."])
def test_files_that_are_something_else(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError, match=name):
        published.read_file(path)
    with pytest.raises(ModelError, match="cannot be read"):
        published.read_file(tmp_path / f"missing-{name}")


@pytest.mark.parametrize("name", ["a.pth", "a.npz", "a.safetensors", "a.index", "a"])
def test_a_folder_is_no_file(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(ModelError, match=rf"{name}: cannot be read \(Is a directory"):
        published.read_file(tmp_path / name)


@pytest.mark.parametrize("suffix", ["pth", "npz", "safetensors", "index"])
def test_a_file_that_may_not_be_read(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"something")

    def refuse(self, mode="r"):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelError, match=r"cannot be read \(Permission denied"):
        published.read_file(path)


@pytest.mark.parametrize("header", [b"{}", b" " * 100, b"\xff" * 8])
@pytest.mark.parametrize("length", [2, 1 << 25, 1 << 40, (1 << 64) - 1])
def test_a_safetensors_file_with_any_header(tmp_path, header, length):
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", length) + header)
    with pytest.raises(ModelError, match=r"damaged or no safetensors file|not the weights"):
        import_weights("zero-dce", [path])


def test_a_checkpoint_with_any_shape(tmp_path, dped):
    """Sizes beyond every integer of NumPy's."""

    class Huge(np.ndarray):
        shape = (1 << 66, 3)

    wrong = dped | {"generator/W5": dped["generator/W5"].view(Huge)}
    with pytest.raises(ModelError, match="the size of generator/W5 does not fit its shape"):
        import_weights("dped-sony", [write_checkpoint(tmp_path / "wrong", wrong)])


@pytest.mark.parametrize(
    "content",
    [
        [torch.zeros(3)],
        {1: torch.zeros(3)},
        {"a": 1.0},
        {"a": torch.zeros(3, 3).to_sparse()},
        {"state_dict": {"a": torch.zeros(3)}},
    ],
)
def test_a_torch_file_of_something_else(tmp_path, recwarn, content):
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ModelError, match="damaged or holds"):
        published.read_file(tmp_path / "a.pth")
    assert not recwarn.list


def test_a_list_of_another_length(tmp_path):
    arrays = np.empty(3, object)
    arrays[:] = [np.zeros(2, np.float32)] * 3
    np.savez(tmp_path / "a.npz", params=arrays)
    with pytest.raises(ModelError, match="has 3 arrays where 80 are expected"):
        import_weights("hdrcnn-rht", [tmp_path / "a.npz"])


def test_vgg_features_are_read_in_the_order_of_their_numbers(tmp_path):
    small = (1, 1, 1, 1, 1)
    network = vgg.VGG(small)
    convs = [conv for block in network.blocks for conv in block]
    values = {}
    for number, conv in zip((0, 2, 5, 10, 19), convs, strict=True):
        values[f"features.{number}.weight"] = conv.weight.detach()
        values[f"features.{number}.bias"] = conv.bias.detach()
    values["classifier.0.weight"] = torch.zeros(2, 2)
    torch.save(values, tmp_path / "vgg.pth")
    image = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(vgg.load_vgg(tmp_path / "vgg.pth", small)(image), network(image))
    with pytest.raises(ModelError, match="5 convolutions instead of VGG's 16"):
        vgg.load_vgg(tmp_path / "vgg.pth")
