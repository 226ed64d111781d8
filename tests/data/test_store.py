import hashlib
import io
import logging
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from otrecon import data
from otrecon.data import registry, store

CONTENT = b"the bytes of a small public file\n" * 40


def sha(content):
    return hashlib.sha256(content).hexdigest()


def zipped(member, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("another.txt", "not this one")
        archive.writestr(member, content)
    return buffer.getvalue()


class Server:
    """A public address of our own: what it serves, and how often it was asked."""

    def __init__(self):
        served, asked = {}, []
        self.served, self.asked = served, asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                status, body, announced = served.get(self.path, (404, b"not found", None))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) if announced is None else announced))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def url(self, path):
        return f"http://127.0.0.1:{self.http.server_port}{path}"

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OTRECON_OFFLINE")
    running = Server()
    yield running
    running.close()


@pytest.fixture
def small(monkeypatch, request):
    """A registered data set of two files, the second inside an archive; served by nobody unless a server is."""
    source = data.Source("someone/something", "0" * 40, "CC0-1.0", "A Small File, 2020", "10.1/small")
    base = "http://127.0.0.1:9"
    if "server" in request.fixturenames:
        running = request.getfixturevalue("server")
        base = running.url("")
        archive = zipped("deep/inside.txt", CONTENT * 2)
        running.served["/plain.txt"] = (200, CONTENT, None)
        running.served["/archive.zip"] = (200, archive, None)
    else:
        archive = zipped("deep/inside.txt", CONTENT * 2)
    plain = data.RemoteFile("plain.txt", sha(CONTENT), len(CONTENT), source, f"{base}/plain.txt")
    inside = data.RemoteFile(
        "inside.txt",
        sha(CONTENT * 2),
        2 * len(CONTENT),
        source,
        f"{base}/archive.zip",
        member="deep/inside.txt",
        archive_sha256=sha(archive),
    )
    entry = data.Entry("small", "Two small texts.", "Only for tests.", {f.name: f for f in (plain, inside)})
    monkeypatch.setitem(registry.REGISTRY, "small", entry)
    return entry


def left_over(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def put(folder, name, content):
    path = folder / "small" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_own_folder_comes_before_the_cache(small, tmp_path, monkeypatch):
    monkeypatch.setenv("OTRECON_DATA", str(tmp_path))
    own = put(tmp_path, "plain.txt", CONTENT)
    put(store.cache_folder(), "plain.txt", CONTENT)
    assert data.fetch("small", "plain.txt") == own


def test_cache_serves_what_the_own_folder_lacks(small, tmp_path, monkeypatch):
    monkeypatch.setenv("OTRECON_DATA", str(tmp_path))
    cached = put(store.cache_folder(), "plain.txt", CONTENT)
    assert data.fetch("small", "plain.txt") == cached


def test_relative_folder_is_resolved(small, tmp_path, monkeypatch):
    put(tmp_path, "plain.txt", CONTENT)
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("OTRECON_DATA", tmp_path.name)
    assert data.fetch("small", "plain.txt").is_absolute()


def test_a_file_at_hand_needs_no_network(small, server):
    put(store.cache_folder(), "plain.txt", CONTENT)
    data.fetch("small", "plain.txt")
    assert server.asked == []


def test_download_once_then_cache(small, server):
    path = data.fetch("small", "plain.txt")
    assert path == store.cache_folder() / "small" / "plain.txt"
    assert path.read_bytes() == CONTENT
    assert data.fetch("small", "plain.txt") == path
    assert server.asked == ["/plain.txt"]


def test_the_usual_cache_folder_without_the_variable(monkeypatch):
    pooch = pytest.importorskip("pooch")
    monkeypatch.delenv("OTRECON_CACHE")
    assert store.cache_folder() == pooch.os_cache("otrecon")


def test_a_whole_data_set(small, server):
    got = data.fetch("small")
    assert {name: path.read_bytes() for name, path in got.files.items()} == {
        "plain.txt": CONTENT,
        "inside.txt": CONTENT * 2,
    }
    assert got.path("inside.txt") == store.cache_folder() / "small" / "inside.txt"
    assert left_over(store.cache_folder()) == ["small/inside.txt", "small/plain.txt"]


def test_no_network_is_used(small, server):
    assert not data.available("small")
    assert not data.available("small", "plain.txt")
    put(store.cache_folder(), "plain.txt", CONTENT)
    assert data.available("small", "plain.txt")
    assert not data.available("small")
    put(store.cache_folder(), "inside.txt", CONTENT * 2)
    assert data.available("small")
    assert server.asked == []


def test_a_damaged_file_is_not_hidden_by_the_synthetic_twin(small):
    put(store.cache_folder(), "plain.txt", b"damaged")
    assert data.available("small", "plain.txt")
    with pytest.raises(data.HashMismatchError):
        data.fetch("small", "plain.txt")


@pytest.mark.parametrize("call", [data.fetch, data.available, data.credit])
def test_unknown_names(call):
    with pytest.raises(ValueError, match=r"no data set 'brian'; known are brain-poisson, cell-contours"):
        call("brian")
    with pytest.raises(ValueError, match=r"no file 'x.npy'; it has sigpy_cartesian_ksp.npy, ksp.cfl"):
        call("brain-poisson", "x.npy")


def test_offline_names_file_folders_and_address(small, tmp_path, monkeypatch):
    monkeypatch.setenv("OTRECON_DATA", str(tmp_path))
    with pytest.raises(data.DataUnavailableError) as caught:
        data.fetch("small", "inside.txt")
    message = str(caught.value)
    for part in (
        "inside.txt",
        str(tmp_path / "small"),
        str(store.cache_folder() / "small"),
        small.files["inside.txt"].url,
        "deep/inside.txt",
        "OTRECON_OFFLINE forbids",
        "set OTRECON_DATA",
    ):
        assert part in message


def test_offline_switch_asks_nobody(small, server, monkeypatch):
    monkeypatch.setenv("OTRECON_OFFLINE", "1")
    with pytest.raises(data.DataUnavailableError):
        data.fetch("small")
    assert server.asked == []


def test_switch_off_means_off(small, server, monkeypatch):
    monkeypatch.setenv("OTRECON_OFFLINE", "0")
    assert data.fetch("small", "plain.txt").read_bytes() == CONTENT


def test_own_file_with_wrong_bytes_is_named_and_kept(small, tmp_path, monkeypatch):
    monkeypatch.setenv("OTRECON_DATA", str(tmp_path))
    own = put(tmp_path, "plain.txt", b"other bytes")
    with pytest.raises(data.HashMismatchError) as caught:
        data.fetch("small", "plain.txt")
    for part in (str(own), sha(b"other bytes"), sha(CONTENT), "move it away", "11 bytes"):
        assert part in str(caught.value)
    assert own.read_bytes() == b"other bytes"


def test_truncated_own_file(small, tmp_path, monkeypatch):
    monkeypatch.setenv("OTRECON_DATA", str(tmp_path))
    put(tmp_path, "plain.txt", CONTENT[:-1])
    with pytest.raises(data.HashMismatchError, match=f"{len(CONTENT) - 1} bytes"):
        data.fetch("small", "plain.txt")


def test_no_server(small, monkeypatch):
    monkeypatch.delenv("OTRECON_OFFLINE")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(data.DataUnavailableError, match=r"downloading failed \(ConnectionError"):
        data.fetch("small", "plain.txt")
    assert left_over(store.cache_folder()) == []


def test_gone_from_the_address(small, server):
    server.served.clear()
    with pytest.raises(data.DataUnavailableError, match="404"):
        data.fetch("small", "plain.txt")
    assert left_over(store.cache_folder()) == []


def test_interrupted_download_leaves_nothing(small, server):
    server.served["/plain.txt"] = (200, CONTENT[:100], len(CONTENT))
    with pytest.raises(data.DataUnavailableError, match="downloading failed"):
        data.fetch("small", "plain.txt")
    assert left_over(store.cache_folder()) == []
    assert list((store.cache_folder() / "small").iterdir()) == []
    server.served["/plain.txt"] = (200, CONTENT, None)
    assert data.fetch("small", "plain.txt").read_bytes() == CONTENT


def test_keyboard_interrupt_leaves_nothing(small, monkeypatch):
    monkeypatch.delenv("OTRECON_OFFLINE")

    def interrupted(_url, part):
        part.write_bytes(CONTENT[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_get", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.fetch("small", "plain.txt")
    assert list((store.cache_folder() / "small").iterdir()) == []


@pytest.mark.parametrize("path", ["/plain.txt", "/archive.zip"])
def test_wrong_bytes_from_the_address_are_not_kept(small, server, path):
    body = b"<html>please log in to this network</html>"
    server.served[path] = (200, body, None)
    name = {"/plain.txt": "plain.txt", "/archive.zip": "inside.txt"}[path]
    with pytest.raises(data.HashMismatchError) as caught:
        data.fetch("small", name)
    assert sha(body) in str(caught.value)
    assert "Nothing was kept" in str(caught.value)
    assert left_over(store.cache_folder()) == []


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (zipped("elsewhere.txt", CONTENT), "is not an archive that holds deep/inside.txt"),
        (b"no zip", "is not an arch"),
    ],
)
def test_archive_without_the_member(small, server, monkeypatch, archive, message):
    wrong = small.files["inside.txt"]
    changed = data.RemoteFile(**{**vars(wrong), "archive_sha256": sha(archive)})
    monkeypatch.setitem(registry.REGISTRY, "small", data.Entry("small", "", "", {"inside.txt": changed}))
    server.served["/archive.zip"] = (200, archive, None)
    with pytest.raises(data.DataError, match=message):
        data.fetch("small", "inside.txt")
    assert left_over(store.cache_folder()) == []


def test_member_with_wrong_bytes(small, server, monkeypatch):
    changed = data.RemoteFile(**{**vars(small.files["inside.txt"]), "sha256": sha(b"x")})
    monkeypatch.setitem(registry.REGISTRY, "small", data.Entry("small", "", "", {"inside.txt": changed}))
    with pytest.raises(data.HashMismatchError, match=r"deep/inside.txt in http"):
        data.fetch("small", "inside.txt")
    assert left_over(store.cache_folder()) == []


def test_dataset_tells_licence_citation_and_notes(small, server):
    got = data.fetch("small")
    assert got.name == "small"
    assert got.licence == "CC0-1.0"
    assert got.citation == "A Small File, 2020, https://doi.org/10.1/small"
    assert got.notes == "Only for tests."
    for part in ("Two small texts.", "plain.txt, inside.txt: licence CC0-1.0", "A Small File", "Only for tests."):
        assert part in str(got)


def test_logged_once(small, monkeypatch, caplog):
    monkeypatch.setattr(store, "_credited", set())
    put(store.cache_folder(), "plain.txt", CONTENT)
    with caplog.at_level(logging.INFO, logger="otrecon.data"):
        data.fetch("small", "plain.txt")
        data.fetch("small", "plain.txt")
    assert [record.message for record in caplog.records] == [
        "small/plain.txt: licence CC0-1.0. Cite: A Small File, 2020, https://doi.org/10.1/small."
    ]


def test_one_file_names_only_its_own_licence():
    assert "BSD-3-Clause" in data.credit("brain-poisson", "sigpy_cartesian_ksp.npy")
    assert "none stated" not in data.credit("brain-poisson", "sigpy_cartesian_ksp.npy")
    assert "tests only" in data.credit("brain-poisson", "ksp.cfl")


def test_unknown_file_of_a_dataset(small, server):
    with pytest.raises(ValueError, match=r"no file 'other.txt'"):
        data.fetch("small").path("other.txt")


def test_every_file_is_pinned():
    for name, entry in data.REGISTRY.items():
        assert entry.name == name
        assert entry.content
        assert entry.notes
        for key, file in entry.files.items():
            assert key == file.name
            assert len(file.sha256) == 64
            assert set(file.sha256) <= set("0123456789abcdef")
            assert file.size > 0
            assert len(file.source.commit) == 40
            head = f"https://raw.githubusercontent.com/{file.source.repository}/{file.source.commit}/"
            assert file.url.startswith(head)
            assert " " not in file.url
            assert bool(file.member) == bool(file.archive_sha256) == file.url.endswith(".zip")


def test_unlicensed_files_are_marked():
    marked = {file.name for entry in data.REGISTRY.values() for file in entry.files.values() if file.tests_only}
    unlicensed = {"ksp.cfl", "ksp.hdr", "img.cfl", "img.hdr", "MSC_01ST_cell7.wkt", "U373_01ST_cell5.wkt"}
    assert marked == unlicensed


@pytest.mark.realdata
@pytest.mark.parametrize("name", sorted(data.REGISTRY))
def test_the_real_files_are_those_of_the_registry(real, name):
    got = data.fetch(name)
    for file, path in got.files.items():
        assert path == real / name / file
        assert path.stat().st_size == got.entry.files[file].size
