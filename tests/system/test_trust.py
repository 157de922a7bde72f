"""What a daemon believes: files, and ways to them, that nobody else could have written or turned."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import NOBODY, needs_root
from namespace import in_namespace

from bridge.errors import SocketError, StoreError, TrustError
from bridge.service.trust import check_socket_directory, check_state_directory, trust_in_files

pytestmark = needs_root
RULE = "what a daemon that is root reads belongs to root, and nobody else may write it"
STRANGER = 4242


@pytest.fixture
def folder(public: Path) -> Path:
    """A folder of root's, below a directory that everybody may write and that is sticky."""
    folder = public / "rules"
    folder.mkdir(mode=0o755)
    (folder / "a.toml").write_text("ours")
    return folder


def read(path: Path) -> str:
    with open(trust_in_files().open(path, os.O_RDONLY), encoding="utf-8") as file:
        return file.read()


def refusal(path: Path, flags: int = os.O_RDONLY) -> str:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(TrustError) as caught:
        trust_in_files().open(path, flags)
    assert os.listdir("/proc/self/fd") == before, "nothing stays open"
    return str(caught.value)


def test_a_file_of_root_is_opened(folder: Path) -> None:
    assert read(folder / "a.toml") == "ours"


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_may_write_is_refused(folder: Path, mode: int) -> None:
    (folder / "a.toml").chmod(mode)

    assert refusal(folder / "a.toml") == f"may be written by others (mode {mode:04o}): {RULE}"


def test_a_file_of_another_user_is_refused(folder: Path) -> None:
    os.chown(folder / "a.toml", NOBODY, 0)

    assert refusal(folder / "a.toml") == f"belongs to uid {NOBODY}: {RULE}"


def test_all_that_is_wrong_with_it_is_said(folder: Path) -> None:
    os.chown(folder / "a.toml", NOBODY, NOBODY)
    (folder / "a.toml").chmod(0o666)

    assert refusal(folder / "a.toml") == f"belongs to uid {NOBODY} and may be written by others (mode 0666): {RULE}"


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda folder: folder.chmod(0o775), "may be written by others (mode 0775)"),
        (lambda folder: folder.chmod(0o777), "may be written by others (mode 0777)"),
        (lambda folder: os.chown(folder, NOBODY, 0), f"belongs to uid {NOBODY}"),
    ],
    ids=["its group may write it", "everybody may write it", "it is another user's"],
)
def test_a_directory_that_others_may_change_spoils_all_below_it(
    folder: Path, spoil: Callable[[Path], None], fault: str
) -> None:
    (folder / "deeper").mkdir(mode=0o755)
    (folder / "deeper" / "b.toml").write_text("ours")
    spoil(folder)

    for below in ("a.toml", "deeper/b.toml", "deeper"):
        assert refusal(folder / below) == f"{folder}, which leads to it, {fault}: {RULE}"
    assert refusal(folder, os.O_RDONLY | os.O_DIRECTORY) == f"{fault}: {RULE}"


def test_a_sticky_directory_may_lead_to_it_and_may_not_be_it(folder: Path) -> None:
    folder.chmod(0o1777)

    assert read(folder / "a.toml") == "ours"
    assert refusal(folder, os.O_RDONLY | os.O_DIRECTORY) == f"may be written by others (mode 1777): {RULE}"


def test_a_sticky_directory_of_another_user_is_the_other_users(folder: Path) -> None:
    os.chown(folder, NOBODY, 0)
    folder.chmod(0o1777)

    assert refusal(folder / "a.toml") == f"{folder}, which leads to it, belongs to uid {NOBODY}: {RULE}"


@pytest.mark.parametrize("target", ["{folder}/a.toml", "../rules/a.toml", "/../{folder}/./a.toml"])
def test_a_link_is_followed_to_what_may_be_trusted(folder: Path, target: str) -> None:
    (folder / "link.toml").symlink_to(target.format(folder=folder))

    assert read(folder / "link.toml") == "ours"


def test_links_to_directories_and_to_links_are_followed(folder: Path, public: Path) -> None:
    (public / "here").symlink_to(".")
    (public / "again").symlink_to("here/rules")
    (public / "more").symlink_to(f"{public}/again/../again")

    assert read(public / "here" / "more" / "a.toml") == "ours"
    assert stat.S_ISDIR(os.fstat(trust_in_files().open(public / "more", os.O_RDONLY | os.O_DIRECTORY)).st_mode)
    assert stat.S_ISDIR(os.fstat(trust_in_files().open(public / "here", os.O_RDONLY)).st_mode)


def test_what_a_link_leads_to_is_looked_at_and_every_directory_on_its_way(folder: Path, public: Path) -> None:
    elsewhere = public / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (elsewhere / "b.toml").write_text("another's")
    os.chown(elsewhere, NOBODY, 0)
    (folder / "link.toml").symlink_to("../elsewhere/b.toml")

    assert refusal(folder / "link.toml") == f"{elsewhere}, which leads to it, belongs to uid {NOBODY}: {RULE}"


def test_a_link_of_another_user_is_not_followed(folder: Path) -> None:
    folder.chmod(0o1777)
    (folder / "link.toml").symlink_to("a.toml")
    os.chown(folder / "link.toml", NOBODY, NOBODY, follow_symlinks=False)

    assert refusal(folder / "link.toml") == f"the link {folder}/link.toml belongs to uid {NOBODY}: {RULE}"


def test_a_link_to_the_null_device_masks_a_file_although_everybody_may_write_that(folder: Path) -> None:
    (folder / "masked.toml").symlink_to(os.devnull)

    assert read(folder / "masked.toml") == ""


def test_another_device_is_no_mask(folder: Path) -> None:
    os.mknod(folder / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    (folder / "zero").chmod(0o666)

    assert refusal(folder / "zero") == f"may be written by others (mode 0666): {RULE}"


def test_links_in_a_circle_and_what_is_not_there_are_errors_of_the_system(folder: Path) -> None:
    (folder / "round").symlink_to("round")
    for path, error in (("round", OSError), ("nowhere", FileNotFoundError), ("a.toml/b", NotADirectoryError)):
        with pytest.raises(error) as caught:
            trust_in_files().open(folder / path, os.O_RDONLY)
        assert not isinstance(caught.value, TrustError)


def test_a_relative_path_begins_where_we_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    assert read(Path("a.toml")) == read(Path("../rules/a.toml")) == "ours"


def test_what_is_put_in_place_of_a_directory_that_was_looked_at_is_not_read(
    folder: Path, public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (public / "others").mkdir()
    (public / "others" / "a.toml").write_text("another's")
    look, inode = os.fstat, folder.stat().st_ino

    def look_and_change_it(descriptor: int) -> os.stat_result:
        found = look(descriptor)
        if found.st_ino == inode:
            folder.rename(public / "away")
            (public / "others").rename(folder)
        return found

    monkeypatch.setattr(os, "fstat", look_and_change_it)
    descriptor = trust_in_files().open(folder / "a.toml", os.O_RDONLY)

    assert os.read(descriptor, 100) == b"ours"
    assert (folder / "a.toml").read_text() == "another's"
    os.close(descriptor)


@pytest.fixture
def stranger(public: Path, folder: Path) -> Iterator[Path]:
    """We are another user for a while, who has a folder beside root's."""
    assert folder.parent == public
    own = public / "stranger"
    own.mkdir(mode=0o755)
    os.chown(own, STRANGER, STRANGER)
    os.seteuid(STRANGER)
    yield own
    os.seteuid(0)


def test_a_daemon_of_another_user_trusts_its_own_files_and_roots(stranger: Path, folder: Path) -> None:
    (stranger / "own.toml").write_text("own")
    (stranger / "own.toml").chmod(0o664)  # a user's own group is usual

    assert read(stranger / "own.toml") == "own"
    assert read(folder / "a.toml") == "ours"


def test_a_daemon_of_another_user_trusts_nothing_that_everybody_may_write_or_a_third_has(
    stranger: Path, folder: Path
) -> None:
    rule = f"what a daemon of uid {STRANGER} reads belongs to that user or to root, and not everybody may write it"
    (stranger / "own.toml").write_text("own")
    (stranger / "own.toml").chmod(0o646)
    os.seteuid(0)
    os.chown(folder / "a.toml", NOBODY, NOBODY)
    os.seteuid(STRANGER)

    assert refusal(stranger / "own.toml") == f"may be written by others (mode 0646): {rule}"
    assert refusal(folder / "a.toml") == f"belongs to uid {NOBODY}: {rule}"


def test_the_state_directory_is_made_for_its_daemon_alone(public: Path) -> None:
    check_state_directory(public / "state")

    assert stat.S_IMODE((public / "state").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda state: state.chmod(0o770), "{state}: the state directory: may be written by others (mode 0770)"),
        (lambda state: os.chown(state, NOBODY, 0), f"{{state}}: the state directory: belongs to uid {NOBODY}"),
        (lambda state: os.chown(state / "store.db", NOBODY, 0), f"{{state}}/store.db: belongs to uid {NOBODY}"),
        (lambda state: (state / "store.db-wal").chmod(0o660), "{state}/store.db-wal: may be written by others"),
    ],
    ids=["its group may write it", "it is another user's", "the store is another user's", "the WAL is a group's"],
)
def test_a_store_that_others_could_have_written_is_refused(
    public: Path, spoil: Callable[[Path], None], said: str
) -> None:
    state = public / "state"
    state.mkdir(mode=0o700)
    (state / "store.db").touch(mode=0o600)
    (state / "store.db-wal").touch(mode=0o600)
    (state / "note").touch(mode=0o666)  # is not ours, and not read
    check_state_directory(state)
    spoil(state)

    with pytest.raises(StoreError) as caught:
        check_state_directory(state)
    assert str(caught.value).startswith(said.format(state=state))


def test_a_socket_may_be_made_in_a_sticky_directory_but_in_no_other_that_all_may_write(public: Path) -> None:
    public.chmod(0o1777)
    check_socket_directory(public)
    check_socket_directory(public / "nowhere")
    public.chmod(0o777)

    with pytest.raises(SocketError, match=r"may be written by others \(mode 0777\): callers could be sent to another"):
        check_socket_directory(public)


def test_where_all_users_are_there_the_one_that_stands_for_others_is_not_trusted() -> None:
    assert trust_in_files().owners_above == {0}


@in_namespace
def test_in_a_user_namespace_directories_of_users_outside_may_lead_to_a_file_but_not_be_it() -> None:
    trust = trust_in_files()

    assert trust.owners_above == {0, NOBODY}
    assert trust.owners == {0}
