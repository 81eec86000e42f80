"""What a journal's file would be after a power loss at any instant: every write and sync of SQLite's, recorded.

The recorder sits between SQLite and the file system, in the very library that Python's `sqlite3` runs: `xOpen` of its
default VFS is replaced for a while, and each file it opens gets methods that note what they pass on. So the store, its
driver and SQLite itself are those of every day.

What was synced stays; of what was written since a file's last sync, any part may be lost, or torn within a write. That
a file is made or removed is taken to last at once, in its order, as file systems with a log have it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECTOR = 512
_VOID, _INT, _LONG = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
_Open = ctypes.CFUNCTYPE(_INT, _VOID, _VOID, _VOID, _INT, _VOID)
_Delete = ctypes.CFUNCTYPE(_INT, _VOID, _VOID, _INT)
_Write = ctypes.CFUNCTYPE(_INT, _VOID, _VOID, _INT, _LONG)
_Truncate = ctypes.CFUNCTYPE(_INT, _VOID, _LONG)
_Sync = ctypes.CFUNCTYPE(_INT, _VOID, _INT)


class _Vfs(ctypes.Structure):
    """The beginning of `sqlite3_vfs`."""

    _fields_ = (("version", _INT), ("size", _INT), ("longest", _INT), ("next", _VOID), ("name", _VOID), ("data", _VOID),
                ("open", _VOID), ("delete", _VOID))


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods` up to its version 3."""

    _fields_ = (("version", _INT), ("close", _VOID), ("read", _VOID), ("write", _VOID), ("truncate", _VOID),
                ("sync", _VOID), *((f"more{number}", _VOID) for number in range(13)))


@dataclass(frozen=True)
class Op:
    """One thing that reached a file, or (`what` 'mark') the word to a caller that its commit is done."""

    what: str
    file: str = ""
    at: int = 0
    data: bytes = b""
    mark: int = 0


def library() -> Any:
    """The SQLite that Python's `sqlite3` runs; None where that is built in and cannot be reached."""
    found = ctypes.util.find_library("sqlite3")
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:  # noqa: PTH123 -- not a file of ours
        loaded = {line.split()[-1] for line in maps if "libsqlite3" in line}
    if len(loaded) != 1 and found is None:
        return None
    lib = ctypes.CDLL(loaded.pop() if loaded else found)
    lib.sqlite3_libversion.restype = ctypes.c_char_p
    lib.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    lib.sqlite3_vfs_find.argtypes = [_VOID]
    return lib if loaded is not None and lib.sqlite3_libversion().decode() == sqlite3.sqlite_version else None


@contextmanager
def recorded(lib: Any, folder: Path) -> Iterator[list[Op]]:
    """Note what reaches files in this folder, of connections that are opened meanwhile."""
    ops: list[Op] = []
    names: dict[int, str] = {}
    kept: dict[int, tuple[object, ...]] = {}
    vfs = lib.sqlite3_vfs_find(None).contents
    real = _Open(vfs.open)

    def opened(which: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        code = real(which, name, file, flags, out)
        path = Path(ctypes.string_at(name).decode()) if name else None
        methods = ctypes.cast(file, ctypes.POINTER(_VOID))
        if code == 0 and path is not None and path.parent == folder and methods[0]:
            names[file] = path.name
            if methods[0] not in kept:
                copy = _noting(methods[0], names, ops)
                kept[methods[0]] = copy
                kept[ctypes.addressof(copy[0])] = copy
            methods[0] = ctypes.addressof(kept[methods[0]][0])  # type: ignore[arg-type]  # the structure comes first
        return int(code)

    unlink = _Delete(vfs.delete)

    def deleted(which: int, name: int, sync: int) -> int:
        code = int(unlink(which, name, sync))
        path = Path(ctypes.string_at(name).decode())
        if code == 0 and path.parent == folder:
            ops.append(Op("delete", path.name))
        return code

    before, replacements = (vfs.open, vfs.delete), (_Open(opened), _Delete(deleted))
    vfs.open, vfs.delete = (ctypes.cast(function, _VOID) for function in replacements)
    try:
        yield ops
    finally:
        vfs.open, vfs.delete = before
        _ALIVE.append((replacements, kept))


_ALIVE: list[object] = []
"""What SQLite may still call: connections outlive the recording."""


def _noting(address: int, names: Mapping[int, str], ops: list[Op]) -> tuple[_Methods, object, object, object]:
    """The methods at `address`, and each write, truncation and sync noted once it succeeded."""
    real = _Methods.from_address(address)
    write, truncate, sync = _Write(real.write), _Truncate(real.truncate), _Sync(real.sync)

    def written(file: int, data: int, size: int, at: int) -> int:
        code = int(write(file, data, size, at))
        if code == 0:
            ops.append(Op("write", names[file], at, ctypes.string_at(data, size)))
        return code

    def truncated(file: int, size: int) -> int:
        code = int(truncate(file, size))
        if code == 0:
            ops.append(Op("truncate", names[file], size))
        return code

    def synced(file: int, flags: int) -> int:
        code = int(sync(file, flags))
        if code == 0:
            ops.append(Op("sync", names[file]))
        return code

    noting = (_Write(written), _Truncate(truncated), _Sync(synced))
    copy = _Methods.from_buffer_copy(real)
    copy.write, copy.truncate, copy.sync = (ctypes.cast(function, _VOID) for function in noting)
    return copy, *noting


def left_over(
    start: Mapping[str, bytes], ops: Sequence[Op], chance: random.Random | None, *, keep: bool,
) -> dict[str, bytes]:
    """The files after a power loss behind the last of `ops`. `start`: what they held before.

    `keep`: what was not synced is there all the same. With `chance`, each such write is there, lost or torn.
    """
    synced = {op.file: number for number, op in enumerate(ops) if op.what == "sync"}
    files = {name: bytearray(data) for name, data in start.items()}
    for number, op in enumerate(ops):
        if op.what == "delete":
            files.pop(op.file, None)
        if op.what not in ("write", "truncate"):
            continue
        data = op.data
        if number > synced.get(op.file, -1):
            share = chance.choice((0.0, 0.5, 1.0)) if chance is not None else float(keep)
            if not share:
                continue
            data = data[: max(SECTOR, int(len(data) * share) // SECTOR * SECTOR)] if share < 1 else data
        content = files.setdefault(op.file, bytearray())
        if op.what == "truncate":
            del content[op.at:]
        else:
            content.extend(bytes(max(0, op.at - len(content))))
            content[op.at:op.at + len(data)] = data
    return {name: bytes(content) for name, content in files.items()}
