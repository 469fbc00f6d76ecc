"""``python -m harness data``: which collections are here, what they are, and how to bring more."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness import commands as shared
from harness.commands import decoded, selection

if TYPE_CHECKING:
    from harness.data.archives import Archive

EXAMPLES = """
list                    which collections are here
get cifar10             download one into the data root, and verify it
verify                  read every file again, whatever is remembered of it
digest my/cifar10.npz   what an npz file holds: shapes, SHA-256 of each array, its known name
digest my/folder        the same for torchvision's folders
gc --dry-run            decoded images (of ImageNet, say) that no claim here reads any more
"""


IMAGENET = "imagenet"


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """What is here of one collection.

    Attributes:
        key: what it is called on the command line; name: what it may honestly be called.
        sha256: of all its arrays.
        problem: why it cannot be used, "" if it can.
    """

    key: str
    name: str = ""
    sha256: str = ""
    problem: str = ""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a file or folder holds.

    Attributes:
        name: what it may honestly be called, "" if its content is not known.
        arrays: array -> type, shape and SHA-256 of its bytes.
        sha256: of all arrays.
        fits: the collection it has the shape of, "" if none.
    """

    file: str
    name: str
    fits: str
    arrays: dict[str, str]
    sha256: str


def add(commands: Any) -> None:
    """Add the parsers of ``data``."""
    parser = shared.parser(commands, "data", "see, fetch and verify data sets", EXAMPLES)
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|get|verify|digest|gc")
    for name, does, what in (
        ("list", listed, "which collections are here; 1 if one that is named is not"),
        ("get", get, "download into the data root"),
        ("verify", verify, "read and hash every file again; 1 if one is damaged, missing or unknown"),
    ):
        action = actions.add_parser(name, help=what, description=what)
        action.add_argument(
            "names",
            nargs="*",
            metavar="NAME",
            help="mnist, cifar10, cifar100 (default: all); imagenet, which is brought by hand",
        )
        selection.add_place(action, store=False)
        action.add_argument("--json", action="store_true", help="as JSON, for programs")
        action.set_defaults(run=does)
    decoded.add(actions)
    digesting = actions.add_parser("digest", help="what an npz file or a folder holds")
    digesting.add_argument("path", type=selection.path, metavar="PATH")
    digesting.add_argument("--json", action="store_true", help="as JSON, for programs")
    digesting.set_defaults(run=digest)


def _asked(options: argparse.Namespace) -> list[str]:
    """The collections named (default: all).

    Raises:
        ValueError: one of them is unknown.
    """
    from harness.data.archives import ARCHIVES

    known = [*ARCHIVES, IMAGENET]
    unknown = [name for name in options.names if name not in known]
    if unknown:
        raise ValueError(f"unknown data set {unknown[0]!r}: one of {', '.join(known)}")
    return options.names or list(ARCHIVES)


def listed(options: argparse.Namespace) -> int:
    """Say what is here; 1 if a collection that is named is not usable."""
    names, root = _asked(options), selection.data_root_of(options)
    collections = [held(name, root) for name in names]
    _show(collections, options.json)
    return 1 if options.names and any(c.problem for c in collections) else 0


def held(name: str, root: Path) -> Collection:
    """What is here of a collection, as far as is remembered of files that did not change."""
    from harness.data import sources
    from harness.data.archives import ARCHIVES
    from harness.data.image_folder import ImageNet
    from harness.data.verified import sound_source

    try:
        source = ImageNet().source(root) if name == IMAGENET else sound_source(ARCHIVES[name], root)
    except sources.DataError as error:
        return Collection(key=name, problem=str(error))
    return Collection(key=name, name=source.name, sha256=source.digest)


def get(options: argparse.Namespace) -> int:
    """Download collections; of ImageNet, unpack what was downloaded by hand.

    Raises:
        DataError: an unknown name, no connection, no space.
    """
    from harness.data import fetch, sources
    from harness.data.unpacking import unpack_imagenet

    names, root = _asked(options), Path(options.data_root or sources.default_root())
    collections = []
    for name in names:
        if name == IMAGENET:
            unpack_imagenet(root / IMAGENET)
            collections.append(held(IMAGENET, root))
        else:
            source = fetch.get(name, root)
            collections.append(Collection(key=name, name=source.name, sha256=source.digest))
    _show(collections, options.json)
    return 1 if any(c.problem for c in collections) else 0


def verify(options: argparse.Namespace) -> int:
    """Read and hash everything anew; 1 if anything is damaged, missing (if named) or not known."""
    names, root = _asked(options), selection.data_root_of(options)
    collections = [verified(name, root) for name in names]
    here = [c for c in collections if root.is_dir() and not c.problem.startswith("neither")]
    present = collections if options.names else here
    _show(present, options.json)
    if not present and not options.json:
        print("no collection is here: python -m harness data list")
    return 1 if any(c.problem for c in present) or not present else 0


def verified(name: str, root: Path) -> Collection:
    """A collection as its bytes are now: a problem if they are damaged or of no known copy."""
    from harness.data import digests, soundness, sources
    from harness.data.archives import ARCHIVES, KNOWN

    if name == IMAGENET:
        why = "no digest of its contents is known: each file is held against its own when it is read"
        return Collection(key=name, problem=why)
    archive = ARCHIVES[name]
    try:
        soundness.require_readable(archive, root)
        copy = sources.find(archive, root)
        arrays = copy.read()
        each = tuple(digests.of_array(array) for array in arrays)
    except sources.DataError as error:
        return Collection(key=name, problem=str(error))
    known = archive.name if copy.verified else KNOWN.get(each, "")
    unknown = "" if known else "an unknown copy: its content is none whose digest is listed"
    if not known and (why := soundness.degeneracy(arrays)):
        unknown = f"degenerate: {why}"
    return Collection(key=name, name=known, sha256=digests.combined(each), problem=unknown)


def _show(collections: list[Collection], as_json: bool) -> None:
    if as_json:
        shared.print_json(collections)
        return
    for each in collections:
        name = f"{each.name}, sha256 {each.sha256[:16]}"
        print(f"{each.key:<9} {f'not usable: {each.problem}' if each.problem else name}")


def digest(options: argparse.Namespace) -> int:
    """Print what a file or folder holds; 1 if its content is not known.

    Raises:
        ValueError: there is nothing that can be read.
    """
    contents = list(digested(options.path))
    if options.json:
        shared.print_json(contents)
    else:
        for one in contents:
            print("\n".join(_described(one)))
    return 0 if all(one.name for one in contents) else 1


def digested(path: Path) -> Iterator[Content]:
    """What an npz file, a folder of them, or torchvision's folders hold.

    Raises:
        ValueError: nothing is there, or it cannot be read.
    """
    from harness.data.archives import ARCHIVES

    if path.is_file():
        yield _of_npz(path)
        return
    if not path.is_dir():
        raise ValueError(f"{path}: no such file or folder")
    files = sorted(path.glob("*.npz"))
    yield from map(_of_npz, files)
    folders = [content for archive in ARCHIVES.values() if (content := _of_folder(archive, path))]
    yield from folders
    if not (files or folders):
        raise ValueError(f"{path.name}: neither an npz file nor torchvision's folders are in there")


def _of_npz(path: Path) -> Content:
    from harness.data.archives import ARCHIVES, DataError
    from harness.data.npz import npz_arrays
    from harness.data.readers import read_npz
    from harness.spec.untrusted import cause_of

    try:
        arrays = npz_arrays(path)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path.name} cannot be read as npz: {cause_of(error)}") from None
    for archive in ARCHIVES.values():
        try:
            return _content(path.name, read_npz(archive, path)._asdict(), archive.name, verified=False)
        except DataError:
            continue
    return _content(path.name, arrays, "", verified=False)


def _of_folder(archive: Archive, folder: Path) -> Content | None:
    """The originals of a collection below a data root; None if there is none of it.

    Raises:
        DataError: a file is damaged or missing.
    """
    from harness.data.readers import read_batches, read_idx

    files = [name for name, _ in (*archive.train, *archive.test)]
    if not any((folder / archive.folder / name).exists() for name in files):
        return None
    read = read_idx if archive.key == "mnist" else read_batches
    arrays = read(archive, folder / archive.folder)
    return _content(archive.folder, arrays._asdict(), archive.name, verified=True)


def _content(file: str, arrays: dict[str, Any], fits: str, *, verified: bool) -> Content:
    from harness.data import digests
    from harness.data.archives import KNOWN

    each = {name: digests.of_array(array) for name, array in arrays.items()}
    name = fits if verified else KNOWN.get(tuple(each.values()), "")
    shapes = {n: f"{a.dtype} {'x'.join(map(str, a.shape))}, sha256 {each[n]}" for n, a in arrays.items()}
    return Content(
        file=file, name=name, fits=fits, arrays=shapes, sha256=digests.combined(tuple(each.values()))
    )


def _described(content: Content) -> Iterator[str]:
    named = f"this is {content.name}" if content.name else "its content is none whose digest is listed"
    fits = f"has the shape of {content.fits}; " if content.fits and not content.name else ""
    yield f"{content.file}: {fits}{named}"
    for name, text in content.arrays.items():
        yield f"  {name:<8} {text}"
    yield f"  together sha256 {content.sha256}"
    if content.fits and not content.name:
        print(
            "to have it called by a name, list the digests in harness/data/archives.py (KNOWN)",
            file=sys.stderr,
        )
