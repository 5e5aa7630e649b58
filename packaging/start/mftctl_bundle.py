"""Find the bundle's unpacked packages, or have them unpacked, and hand over to `mftctl.__main__`.

With `mftctl_unpack` it stands where shiv's own bootstrap would, and differs from it in what a user notices: a warm
start opens no zip file a second time, a home that cannot be written is no error, and a first start says what it is
doing. It sets no environment variable, so that nothing of the bundle reaches child processes; of shiv's own it obeys
`SHIV_ROOT` alone.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from typing import TYPE_CHECKING, NoReturn

import mftctl_build

if TYPE_CHECKING:
    from collections.abc import Iterator

# By content, not by file name: a copy or a rename of the zipapp finds what the first one unpacked.
NAME = f"{mftctl_build.VERSION}-{mftctl_build.BUILD_ID[:16]}"


def start() -> NoReturn:
    """Run mftctl from its unpacked bundle."""
    _refuse_other_platforms()
    try:
        bundle = _find()
        if bundle is None:  # rare, and its code is not compiled each time for nothing
            from mftctl_unpack import unpack

            bundle = unpack()
        _hold(bundle)
    except KeyboardInterrupt:
        sys.exit(130)
    # In the zip's own place, before PYTHONPATH and the interpreter's packages: neither may replace a part of
    # the program.
    sys.path[0] = os.path.join(bundle, "site-packages")
    if sys.dont_write_bytecode:
        # PYTHONDONTWRITEBYTECODE, common in CI images, keeps folders clean. Without any .pyc every start would
        # take twice as long, so they go into the bundle's own cache, and nowhere else.
        sys.pycache_prefix = os.path.join(bundle, "pycache")
        sys.dont_write_bytecode = False

    from mftctl.__main__ import main

    sys.exit(main())


def _hold(bundle: str) -> None:
    """Keep `mftctl doctor --clean` away from it while this process lives, and show it which was used last."""
    try:
        descriptor = os.open(bundle, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.utime(descriptor)
    except OSError:  # read-only, or without locks: nobody cleans it away
        return


def _refuse_other_platforms() -> None:
    here = f"{sys.platform}-{os.uname().machine}"
    if here != mftctl_build.PLATFORM:
        say(f"this file is for {mftctl_build.PLATFORM}, and this machine is {here}: get the one for {here}")
        sys.exit(2)


def _find() -> str | None:
    for root in roots():
        bundle = os.path.join(root, NAME)
        if os.path.isdir(bundle) and is_safe(root):
            return bundle
    return None


def roots() -> Iterator[str]:
    """Where the bundle may be unpacked, best first."""
    if named := os.environ.get("SHIV_ROOT"):
        yield os.path.abspath(os.path.expanduser(named))
        return
    if cache := _user_cache():
        yield os.path.join(cache, "mftctl", "bundles")
    yield temporary_root()


def _user_cache() -> str | None:
    """The user's cache folder as platformdirs names it, which cannot be imported yet."""
    if sys.platform == "darwin":
        cache = os.path.expanduser("~/Library/Caches")
    else:
        cache = os.environ.get("XDG_CACHE_HOME", "")
        if not os.path.isabs(cache):  # the XDG specification: unset, empty and relative ones are ignored
            cache = os.path.expanduser("~/.cache")
    # Without HOME and without an entry in the password database, `~` stays as it is.
    return cache if os.path.isabs(cache) else None


def temporary_root() -> str:
    """The last resort, of this user."""
    # tempfile costs 5 ms to import and is needed only by the few without a home.
    from tempfile import gettempdir

    return os.path.join(gettempdir(), f"mftctl-{os.geteuid()}")


def is_safe(root: str) -> bool:
    """Whether nobody else can have put code there: anybody may make a folder of any name in the temporary folder."""
    if os.path.basename(root) != f"mftctl-{os.geteuid()}":
        return True
    status = os.lstat(root)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def say(message: str) -> None:
    """On stderr, as the program's own word."""
    try:
        print(f"mftctl: {message}", file=sys.stderr, flush=True)
    except OSError:  # a full disk keeps nobody from work
        return
