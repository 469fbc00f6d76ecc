"""Shipped records: what was measured travels in one file, and judging it elsewhere gives the same."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.commands.exporting import header_of
from harness.lab.lab import Failed, Lab
from harness.lab.names import Names, specification
from harness.lab.places import place
from harness.lab.shipped import UNSHIPPED, Header, Shipped, decode, encode
from harness.lab.store import Store, StoreError
from harness.spec import Simulation, Value, canonical, digest, untrusted
from harness.tests import simulated
from harness.tests.reports import report
from harness.tests.simulated import SMALL, Norm, at, drawn, named, record
from harness.tests.suites import Session, run, run_harness, without_times, write

ONE, OTHER = named(drawn, shift=1.0), named(drawn, shift=2.0)


def header(**changes: Any) -> Header:
    return msgspec.structs.replace(header_of(report().provenance, Names(Path()), [ONE]), **changes)


def shipped(folder: Path, replicates: int = 3) -> Path:
    """The records of one simulation as a file, out of a store of its own."""
    lab = Lab(at(folder))
    runs = lab.runs(ONE, replicates)
    lab.ensure(runs)
    records = [r for r in map(lab.store.read, (run.key for run in runs)) if r is not None]
    file = folder / "records.jsonl.gz"
    file.write_bytes(encode(header(), records))
    return file


def lab_of(file: Path) -> Lab:
    return Lab(
        msgspec.structs.replace(at(file.parent), store=file, data_root=file.parent / "none"), processes=2
    )


# -- the file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dirty, commit", [(False, "abc"), (True, "abc-dirty")])
def test_shipped_records_say_whether_their_tree_was_changed(tmp_path: Path, dirty: bool, commit: str) -> None:
    file = tmp_path / "records.jsonl.gz"
    file.write_bytes(encode(header(commit="abc", dirty=dirty), [record()]))
    assert Shipped(file).commit == commit


def test_what_is_encoded_is_decoded_without_weights() -> None:
    heavy = record(key="ef" * 32, files={"weights.safetensors": "12" * 32})
    head, records = decode(encode(header(), [heavy, record()]), "file")
    assert head == header(records=2)
    assert records == {"ab" * 32: record(), "ef" * 32: msgspec.structs.replace(heavy, files={})}


def test_equal_records_give_equal_bytes_whenever_and_in_whatever_order() -> None:
    several = [record(key=f"{i:02d}" * 32) for i in range(9)]
    data = encode(header(), several)
    assert encode(header(records=77), reversed(several)) == data
    assert data[4:8] == bytes(4)  # no time
    assert data[3] == 0  # no name


def test_the_header_says_whose_records_these_are() -> None:
    head, _ = decode(encode(header(), []), "file")
    provenance = report().provenance
    assert (head.commit, head.dirty, head.processor) == (
        provenance.commit,
        provenance.dirty,
        provenance.processor,
    )
    assert head.versions == provenance.versions


def again(lines: list[bytes]) -> bytes:
    return gzip.compress(b"\n".join(lines) + b"\n")


def sealed(body: bytes) -> bytes:
    return b'{"sha256":"%s","body":%s}' % (hashlib.sha256(body).hexdigest().encode(), body)


def lines_of(data: bytes) -> list[bytes]:
    return gzip.decompress(data).splitlines()


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "damaged|holds no records"),
    "text": (lambda data: b"a store, perhaps\n", "holds no records: give a directory, or a file written by"),
    "text, compressed": (lambda data: gzip.compress(b"a store, perhaps\n"), "holds no records"),
    "other JSON": (lambda data: again([sealed(b'{"content":"notes","format":1}')]), "holds no records"),
    "a record without header": (lambda data: again(lines_of(data)[1:]), "holds no records"),
    "later format": (
        lambda data: again([sealed(b'{"content":"overclaim records","format":2}')]),
        "has format 2, this version reads 1: use the version that wrote it",
    ),
    "half of it": (lambda data: data[: len(data) // 2], "is damaged"),
    "a byte": (lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:], "is damaged"),
    "a line less": (lambda data: again(lines_of(data)[:-1]), "is damaged .1 of 2 records"),
    "a changed number": (
        lambda data: again([line.replace(b"0.25", b"0.26") for line in lines_of(data)]),
        "is damaged .checksum of line 2.: fetch or export it again",
    ),
    "not UTF-8": (
        lambda data: again([*lines_of(data)[:-1], sealed(b'{"key":"\xff"}')]),
        "damaged|no records",
    ),
    "deep": (
        lambda data: again([*lines_of(data)[:-1], sealed(b'{"x":' + b"[" * 9999 + b"]" * 9999 + b"}")]),
        "is damaged .*nested too deeply",
    ),
    "deep line": (lambda data: again([b'{"body":' * 9999]), "holds no records"),
    "bomb": (lambda data: gzip.compress(bytes(2**23)), "is damaged .unpacked it is larger than 4 MiB"),
    "no record": (lambda data: again([*lines_of(data)[:-1], sealed(b'{"key":1}')]), "is damaged"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_another_or_damaged_file_is_one_line(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(untrusted, "MOST", 2**22)
    damage, says = DAMAGE[how]
    file = tmp_path / "records.jsonl.gz"
    file.write_bytes(damage(encode(header(), [record(), record(key="ef" * 32)])))
    with pytest.raises(StoreError, match=says) as refused:
        Shipped(file)
    assert str(refused.value).startswith("records.jsonl.gz ")
    assert "\n" not in str(refused.value)


@pytest.mark.timeout(20)
def test_a_pipe_in_place_of_the_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "records.jsonl.gz")
    with pytest.raises(StoreError, match=r"^records\.jsonl\.gz cannot be read: not a regular file$"):
        Shipped(tmp_path / "records.jsonl.gz")


# -- the lab ------------------------------------------------------------------------------------------


def test_a_lab_reads_shipped_records_without_code_data_or_training(tmp_path: Path) -> None:
    file = shipped(tmp_path)
    before = Lab(at(tmp_path)).results("x", ONE, 3)
    shutil.rmtree(tmp_path / "store")
    lab = lab_of(file)
    results = lab.results("x", ONE, 3)
    assert results.final("x").values.tolist() == before.final("x").values.tolist()
    assert results.array("table").tolist() == before.array("table").tolist()
    assert [run.address for run in results.runs] == [run.address for run in before.runs]
    assert lab.names.named(ONE).sources == ()
    assert not (tmp_path / "store").exists()


def test_what_was_not_shipped_is_missing_and_never_computed(tmp_path: Path) -> None:
    lab = lab_of(shipped(tmp_path))
    assert lab.complete(lab.runs(ONE, 3))
    assert not lab.complete(lab.runs(ONE, 4))
    assert not lab.complete(lab.runs(OTHER, 1))
    plan = lab.plan([*lab.runs(ONE, 4), *lab.runs(ONE, 4), *lab.runs(OTHER, 2)])
    assert (plan.present, plan.missing, plan.fleets, lab.crew) == (3, 3, (), None)
    with pytest.raises(Failed, match=UNSHIPPED):
        lab.results("x", OTHER, 1)
    with pytest.raises(StoreError, match="only read"):
        lab.store.publish(record())


def test_a_specification_is_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert specification(ONE) == specification(named(drawn, shift=1.0)) != specification(OTHER)
    assert specification(SMALL) == specification(SMALL.but(probes=(Norm(),)))
    before = specification(Simulation(drawn))
    monkeypatch.setattr(simulated.drawn, "__module__", "claims.test_other")
    assert specification(Simulation(drawn)) != before  # another file's function of that name


class Wide(Value, frozen=True):
    """A model as it is now: ``depth`` is new, ``bias`` was there before."""

    width: int
    bias: bool = True
    depth: int = 1


def test_a_field_added_since_then_does_not_hide_what_was_meant() -> None:
    now = [SMALL.but(model=Wide(8)), SMALL.but(model=Wide(8, depth=2)), SMALL.but(model=Wide(8, bias=False))]
    then = {"Wide": ("width", "bias"), "Experiment": SMALL.__struct_fields__}
    plain = [canonical(value) for value in now]
    for one in plain:
        del one["model"]["depth"]
    earlier = [digest([one, []]) for one in plain]
    assert specification(now[0], then) == earlier[0]
    assert specification(now[2], then) == earlier[2] != earlier[0]
    assert specification(now[1], then) not in earlier
    assert specification(now[0], {**then, "Wide": ("width", "bias", "slope")}) == earlier[0]
    assert specification(now[0], {"Wide": Wide.__struct_fields__}) == specification(now[0]) != earlier[0]


def test_a_missing_file_is_no_new_store(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^--store records\.jsonl\.gz: no such file of records"):
        place(store=tmp_path / "records.jsonl.gz")
    assert place(store=tmp_path / "new").store == tmp_path / "new"
    file = tmp_path / "file.gz"
    file.write_bytes(b"")
    with pytest.raises(ValueError, match="--fresh trains everything anew, --store FILE only reads"):
        place(store=file, fresh=True)


# -- from a report to verdicts ------------------------------------------------------------------------

CLAIMS = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted={"quick": "small", "standard": "none"})
@trained(x=Tiers(quick=about(1.0), standard=about(1.5)))
@control(says="no shift", x=NULL)
@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_large(x, check, model):
    check(above(x.final("x"), 0.5, because="half"))
    check.draw("Figure 1", series="s", x=[1, 2], y=x.array("curve"))

@claim(PAPER, "S2", says="x is negative", reported="words", adapted=SMALL,
       expected={"quick": ("refuted", "known wrong")})
@trained(x=about(0.1))
@control(says="far up", x=about(9.0))
@control(says="far down", positive=True, x=about(-9.0))
def test_negative(x, check):
    check(below(x.final("x"), -0.5, because="half"))

@claim(PAPER, "S5", says="x is above zero, and a control climbs further than the claim",
       reported="words", adapted=SMALL)
@trained(x=about(8.0))
@control(says="hardly below", x=about(-0.01))
def test_against_a_weak_control(x, check):
    check(above(x.final("x"), 0.0, because="its mean over five is above zero in the control, over ten below"))

@claim(PAPER, "S6", says="x is large, and what its control reads is read anew",
       reported="words", adapted=SMALL)
@trained(x=about(6.0))
@control(says="far down, at replicates of its own", x=Anew(about(-9.0)))
def test_against_a_world_read_anew(x, check):
    check(above(x.final("x"), 0.0, because="zero"))

@claim(PAPER, "S3", says="adding nothing changes nothing", reported="words", adapted=SMALL)
@trained(world=0)
@control(says="one off", world=-1)
@given(n=st.integers(0, 100))
def test_exact(world, n):
    assert n == n + world
"""
LATER = """
@claim(PAPER, "S4", says="a new claim", reported="words", adapted=SMALL)
@trained(x=about(7.0))
@control(says="no shift", x=NULL)
def test_new(x, check):
    large(x, check)
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Session]:
    """A judged suite, its report in ``rep`` and the records that it read beside it; the store is gone."""
    folder = tmp_path_factory.mktemp("shipped")
    write(folder, "")
    (folder / "test_tiny.py").unlink()
    write(folder / "claims", CLAIMS)
    (folder / "claims" / "conftest.py").unlink()
    (folder / "claims" / "pyproject.toml").unlink()
    judged = run(folder, "claims", "-m", "quick", "--report", "rep")
    assert judged.status == 0, judged.text
    done = run_harness(folder, "store", "export", "rep")
    assert done.status == 0, done.text
    done.says("rep/records.jsonl.gz: 55 records", '-m "quick" --store rep/records.jsonl.gz')
    shutil.rmtree(folder / "store")
    (folder / "draws").unlink()
    return folder, judged


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_shipped_records_give_the_same_report(
    exported: tuple[Path, Session], workers: tuple[str, ...]
) -> None:
    folder, judged = exported
    before = msgspec.to_builtins(judged.report)
    (folder / "again").mkdir(exist_ok=True)
    done = run(
        folder, "claims", "-m", "quick", "--store", "rep/records.jsonl.gz", "--report", "again", *workers
    )
    assert done.status == 0, done.text
    after = msgspec.json.decode((folder / "again" / "report.json").read_bytes())
    assert without_times(after["claims"]) == without_times(before["claims"])
    assert (after["provenance"]["trained_runs"], after["provenance"]["reused_runs"]) == (0, 55)
    assert after["provenance"]["data"] == before["provenance"]["data"]
    assert before["provenance"]["shipped"] == ""
    assert after["provenance"]["shipped"] == "unknown"  # the suite is in no repository
    assert not (folder / "draws").exists()
    assert not (folder / "store").exists()
    if not workers:
        done.says("shipped records of commit unknown: 45 runs to judge, nothing is trained")


def test_commands_read_shipped_records_as_they_read_a_folder(exported: tuple[Path, Session]) -> None:
    folder, _ = exported
    store = ("--store", "rep/records.jsonl.gz")
    run_harness(folder, "store", "ls", *store).says("55 records")
    run_harness(folder, "store", "verify", *store).says("55 records, 0 torn")
    plan = run_harness(folder, "plan", "quick", *store)
    plan.says("shipped records of commit unknown: 45 runs to judge, nothing is trained")
    assert "to train" not in plan.text
    assert (
        run_harness(folder, "plan", "standard", *store).text.count("more are needed and not among them") == 1
    )
    run_harness(folder, "store", "export", "rep", "--out", "again.gz", *store).says("again.gz: 55 records")
    assert (folder / "again.gz").read_bytes() == (folder / "rep" / "records.jsonl.gz").read_bytes()
    for command in (("store", "gc"), ("store", "carry", "--from", "HEAD"), ("train",)):
        refused = run_harness(folder, *command, *store)
        assert (refused.status, len(refused.text.splitlines())) == (1, 1)
        refused.says("records.jsonl.gz holds shipped records, which are only read")


def test_an_export_is_tried_before_anything_is_read(exported: tuple[Path, Session]) -> None:
    folder, _ = exported
    (folder / "taken").mkdir(exist_ok=True)
    before = sorted(folder.iterdir())
    for out in ("taken", "nowhere/file.gz", "rep/report.json/file.gz"):
        refused = run_harness(
            folder, "store", "export", "rep", "--out", out, "--store", "rep/records.jsonl.gz"
        )
        assert (refused.status, len(refused.text.splitlines())) == (1, 1), refused.text
    assert sorted(folder.iterdir()) == before
    assert [path.name for path in (folder / "rep").iterdir() if path.name.startswith(".")] == []


def test_another_margin_is_judged_and_what_was_not_shipped_is_not_run(exported: tuple[Path, Session]) -> None:
    folder, judged = exported
    estimate = next(c.checks[0].estimate for c in judged.report.claims if "large" in c.id)
    edge = CLAIMS.replace("0.5, because", f"{estimate}, because", 1).replace("-0.5,", "0.5,")
    write(folder / "edited" / "claims", edge + LATER)
    write(folder / "edited", "")
    for name in ("claims/conftest.py", "claims/pyproject.toml", "test_tiny.py"):
        (folder / "edited" / name).unlink()
    arguments = ("--store", "../rep/records.jsonl.gz", "--report", "rep", "-p", "no:xdist")
    done = run(folder / "edited", "claims", *arguments)
    assert done.verdicts == {
        "large[mlp]": "inconclusive", "large[cnn]": "inconclusive", "negative": "reproduced",
        "exact": "reproduced", "new": "not run", "against_a_weak_control": "reproduced",
        "against_a_world_read_anew": "reproduced",
    }  # fmt: skip
    reasons = {c.id.partition("::test_")[2]: c.reason for c in done.report.claims}
    assert reasons["new"] == UNSHIPPED
    assert reasons["large[mlp]"].endswith(
        "more than 5 replicates were not shipped: run without --store FILE to train them"
    )
    done.says("; 5 more are needed and not among them")


def test_an_export_of_other_code_or_another_store_is_refused(
    exported: tuple[Path, Session], tmp_path: Path
) -> None:
    folder, _ = exported
    elsewhere = run_harness(folder, "store", "export", "rep")
    assert (elsewhere.status, len(elsewhere.text.splitlines())) == (1, 1)
    elsewhere.says("no store at")
    (tmp_path / "empty" / "v1").mkdir(parents=True)
    lacking = run_harness(folder, "store", "export", "rep", "--store", str(tmp_path / "empty"))
    lacking.says("55 of 55 runs that the report read are not in the store")
    assert lacking.status == 1
    _, records = decode((folder / "rep" / "records.jsonl.gz").read_bytes(), "records")
    torn = Store(tmp_path / "torn")
    for whole in list(records.values())[1:]:
        torn.publish(whole)
    one_lacks = run_harness(folder, "store", "export", "rep", "--store", str(tmp_path / "torn"))
    one_lacks.says("1 of 55 runs that the report read are not in the store")
    shutil.copytree(folder / "rep", tmp_path / "rep")
    write(tmp_path / "claims", CLAIMS.replace("about(1.0)", "about(1.25)"))
    other = run_harness(tmp_path, "store", "export", "rep", "--store", str(tmp_path / "empty"))
    assert other.status == 1
    other.says("1 of the experiments that the report read have other code or data here")
