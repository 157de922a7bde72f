"""Whether a user could execute a program, as it is looked up: the truth is what a process of that user is told."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from daemon import NOBODY, needs_root

from bridge.errors import HandlerError
from bridge.hosts.accounts import Account, account_of
from bridge.service.reach import check_folder, find_program, interpreter_of

PATH = "/usr/local/bin:/usr/bin:/bin"


def account(uid: int = NOBODY, gid: int = NOBODY, groups: tuple[int, ...] = (NOBODY,)) -> Account:
    return Account(name="somebody", uid=uid, gid=gid, home="/", shell="/bin/sh", groups=groups)


def told_by_kernel(program: str, whose: Account, cwd: Path, search: str = PATH) -> int:
    """The errno that a process of this user gets which executes the program, as runs do; 0 where it can."""
    try:
        subprocess.run(
            [program],
            env={"PATH": search},
            cwd=cwd,
            user=whose.uid,
            group=whose.gid,
            extra_groups=whose.groups,
            check=False,
        )
    except OSError as error:
        return error.errno or 0
    return 0


@pytest.fixture
def folder(public: Path) -> Path:
    """Programs, folders and links that users may and may not reach."""
    for name, mode in (("open", 0o755), ("locked", 0o700), ("passage", 0o711), ("of-group", 0o750)):
        (public / name).mkdir()
        for program, own in (("all", 0o755), ("owner", 0o744), ("group", 0o750), ("nobody", 0o644)):
            shutil.copy("/bin/true", public / name / program)
            (public / name / program).chmod(own)
            os.chown(public / name / program, 0, 12345)
        (public / name / "folder").mkdir()
        os.chown(public / name, 0, 12345)
        (public / name).chmod(mode)
    for link, target in (
        ("to-open", "open/all"),
        ("to-locked", "locked/all"),
        ("out-of-locked", str(public / "locked" / "back")),
        ("dangling", "open/missing"),
        ("loop", "loop"),
        ("absolute", str(public / "open" / "all")),
    ):
        (public / link).symlink_to(target)
    (public / "locked" / "back").symlink_to(public / "open" / "all")
    shutil.copy("/bin/true", public / "of-another")
    os.chown(public / "of-another", NOBODY, 0)
    (public / "of-another").chmod(0o655)  # its owner is the one who may not
    return public


NAMES = (
    *(f"{folder}/{name}" for folder in ("open", "locked", "passage", "of-group") for name in ("all", "owner", "group")),
    *("open/nobody", "open/folder", "open/missing", "missing/all", "open/all/more", "open/", "open/../open/./all"),
    *("to-open", "to-locked", "out-of-locked", "dangling", "loop", "absolute", "of-another", "/", ".."),
)
ACCOUNTS = (account(), account(groups=(NOBODY, 12345)), account(uid=12345, gid=12345, groups=(12345,)))


@needs_root
@pytest.mark.parametrize("whose", ACCOUNTS, ids=["stranger", "of the group", "by its own group"])
def test_what_is_looked_up_is_what_the_kernel_says(folder: Path, whose: Account) -> None:
    for name in NAMES:
        for program in (f"{folder}/{name}", f"./{name}"):
            found = find_program(program.encode(), PATH, str(folder), whose)

            assert (program, found.failure) == (program, told_by_kernel(program, whose, folder))


@needs_root
@pytest.mark.parametrize("order", [("locked", "open"), ("open", "locked"), ("locked",), ("open/missing", "passage")])
@pytest.mark.parametrize("name", ["all", "owner", "folder", "missing"])
def test_a_name_without_a_slash_is_looked_up_in_the_search_path(
    folder: Path, order: tuple[str, ...], name: str
) -> None:
    search = ":".join(str(folder / each) for each in order)

    found = find_program(name.encode(), search, "/", account())
    assert found.failure == told_by_kernel(name, account(), Path("/"), search)


def test_our_own_rights_are_asked_of_the_kernel() -> None:
    ours = account_of(None)

    assert find_program(b"sh", PATH, "/", ours).failure == 0
    assert find_program(b"/dev/null", PATH, "/", ours).failure == errno.EACCES
    assert find_program(b"no-such-program", PATH, "/", ours).failure == errno.ENOENT


def test_the_interpreter_of_a_script_is_read_and_of_no_other_file(tmp_path: Path) -> None:
    for name, content in (
        ("script", b"#! /bin/sh -e\n"),
        ("bare", b"#!\n"),
        ("program", b"\x7fELF"),
        ("empty", b""),
        ("late", b"\n#!/bin/sh\n"),
    ):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o755)
    os.mkfifo(tmp_path / "fifo", 0o755)
    ours = account_of(None)

    read = {
        name: interpreter_of(find_program(str(tmp_path / name).encode(), PATH, "/", ours))
        for name in ("script", "bare", "program", "empty", "late", "fifo")
    }
    assert read == {"script": b"/bin/sh", **dict.fromkeys(("bare", "program", "empty", "late", "fifo"))}


@pytest.mark.parametrize(
    ("folder", "reason"), [("/nonexistent", "No such file or directory"), ("/dev/null", "Not a dir")]
)
def test_a_directory_to_begin_in_is_there_and_is_one(folder: str, reason: str) -> None:
    check_folder("/", account_of(None))
    with pytest.raises(HandlerError, match=f"cwd {folder}: {reason}"):
        check_folder(folder, account_of(None))


@needs_root
def test_of_a_folder_that_another_user_cannot_pass_nothing_is_told(folder: Path) -> None:
    check_folder(str(folder / "passage" / "folder"), account())
    said = {}
    for name in ("locked/folder", "locked/missing", "locked/all", "locked", "missing", "to-open"):
        with pytest.raises(HandlerError) as refused:
            check_folder(str(folder / name), account())
        said[name] = str(refused.value).replace(str(folder / name), "")

    assert set(said.values()) == {"cwd : somebody cannot enter it: it is not there, or may not be entered"}
