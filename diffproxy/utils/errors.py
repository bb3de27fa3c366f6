"""The one error users are meant to read: what was expected, what was found, what to do."""

from __future__ import annotations

import errno


class InputError(ValueError):
    """Bad input from outside (a file, a rig, an option). The message stands alone; no traceback is needed."""

    def __init__(self, expected: str, found: str, fix: str):
        super().__init__(f"expected {expected}\n  found {found}\n  fix: {fix}")
        self.expected, self.found, self.fix = expected, found, fix

    def __reduce__(self):
        """So that it passes between processes: by default only the message would."""
        return type(self), (self.expected, self.found, self.fix)


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
OTHER_KIND = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY)


def from_os_error(error: OSError, path: object = None) -> InputError:
    """What the operating system refused, as an error for users; `path` where the error itself names no file."""
    where = str(error.filename or path or "a file or folder")
    found = f"{error.strerror or error}: {where}"
    if error.errno in FULL:
        fix = "free some space, or choose another folder; finished work is kept"
        return InputError(f"room on the disk for {where}", found, fix)
    if error.errno in FORBIDDEN:
        return InputError(
            f"permission for {where}", found, "change its permissions, or choose another file or folder"
        )
    if error.errno in OTHER_KIND:
        return InputError(
            f"a folder where a folder is meant, a file where a file is meant: {where}",
            found,
            "move what is in the way, or choose another name",
        )
    return InputError(f"{where} that can be read or written", found, "check the path")
