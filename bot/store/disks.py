"""Whether a SQLite database lies on a disk of this machine.

On a network's disk the locks of files and the memory that SQLite's processes share do not hold what they promise, and a
database breaks without a word: https://sqlite.org/wal.html, https://sqlite.org/useovernet.html
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

from sqlalchemy.engine import URL

from bot.store.fitness import Unfit

MOUNTS = Path("/proc/self/mounts")

_OF_NETWORKS = frozenset(
    [
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "gfs2",
        "orangefs",
        "prl_fs",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
    ]
)
# Filesystems of programs: what is behind one, only its name tells. These are disks of this machine.
_PROGRAMS_OF_THIS_MACHINE = frozenset(
    ["fuseblk", "fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuse.exfat", "fuse.gocryptfs", "fuse.encfs", "fuse.bindfs"]
)


def check_disk(url: URL, mounts: Path = MOUNTS) -> None:
    """Raise Unfit for a SQLite database on a network's disk. Where the system does not tell, nothing is known."""
    if not url.drivername.startswith("sqlite") or not url.database or url.database == ":memory:":
        return
    path = Path(url.database).resolve()
    kind = kind_of_disk(path, mounts)
    if kind is not None and is_of_network(kind):
        raise Unfit(
            f"{path} lies on a disk of the network ({kind}), where SQLite's locks do not hold. Keep it on a disk of "
            "this machine, or use PostgreSQL: DATABASE_URL=postgresql://user:password@host/name"
        )


def kind_of_disk(path: Path, mounts: Path = MOUNTS) -> Optional[str]:
    """The type of the filesystem that an absolute path is on, as Linux names it; None where that cannot be known."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    found: Optional[str] = None
    depth = -1
    for line in lines:
        place, kind = (_unescaped(field) for field in line.split(" ")[1:3])
        mounted = Path(place)
        # What was mounted later lies over what was there before.
        if (mounted == path or mounted in path.parents) and len(mounted.parts) >= depth:
            found, depth = kind, len(mounted.parts)
    return found


def is_of_network(kind: str) -> bool:
    """Whether a filesystem of that type is, or may be, on another machine."""
    if kind in _OF_NETWORKS:
        return True
    return kind.startswith("fuse.") and kind not in _PROGRAMS_OF_THIS_MACHINE


def _unescaped(field: str) -> str:
    """As proc(5) writes them: octal for what would end a field."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
