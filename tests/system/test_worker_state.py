"""The `python` host with real workers: what a run does to its process, no other run finds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import needs_root
from worker_bench import WorkerBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[WorkerBench]:
    with WorkerBench(tmp_path) as bench:
        yield bench


CHANGES = {
    "closes standard output": "os.close(1)",
    "closes all three": "os.closerange(0, 3)",
    "closes them as objects": "sys.stdout.close(); sys.stderr.close()",
    "detaches standard output": "sys.stdout.detach()",
    "has none": "sys.stdout = None",
    "replaces standard output": "import io; sys.stdout = io.StringIO()",
    "prints to nowhere": "os.dup2(os.open('/dev/null', os.O_WRONLY), 1)",
    "reads something": "os.dup2(os.open('/etc/passwd', os.O_RDONLY), 0)",
    "does not wait to print": "os.set_blocking(1, False)",
    "prints what it cannot": "print('begun', end=''); os.close(1)",
    "changes its umask": "os.umask(0)",
    "changes its environment": "os.environ['LANG'] = 'C'",
    "handles a signal": "signal.signal(signal.SIGUSR1, print)",
    "ignores a signal": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "blocks a signal": "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])",
    "sets an alarm": "signal.alarm(1000)",
    "lowers a limit": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (500, 500))",
    "is nice": "os.nice(1)",
    "forgets to close files": "files = [os.dup(1) for _ in range(300)]",
    "lets a thread go on": "os.umask(0); threading.Thread(target=wait).start()",
}
ASKED = (
    "def Handler(instance):\n"
    "    sys.stderr.write('heard\\n')\n"
    "    print(os.getpid(), end='')\n"
    "    sys.stdout.flush()\n"
    "    if instance.details:\n"
    "        {does}"
)


@pytest.mark.parametrize("does", CHANGES.values(), ids=CHANGES)
def test_a_run_that_changes_its_process_has_done_its_work_and_the_next_one_has_another(
    bench: WorkerBench, does: str
) -> None:
    bench.handler(ASKED.format(does=does))
    pid = bench.does().output
    changed = bench.does(details={"change": "1"})
    after, again = bench.does(), bench.does()
    bench.release()

    assert (changed.succeeded, changed.detail, changed.output.startswith(pid)) == (True, "returned", True)
    assert (after.succeeded, after.output.startswith("heard\n")) == (True, True)
    assert after.output != pid
    assert again.output == after.output


@needs_root
@pytest.mark.parametrize("does", ["os.setgid(65534)", "os.setgroups([1])", "os.setuid(65534)", "os.chroot('/usr')"])
def test_a_run_that_gives_up_rights_does_not_take_them_from_the_next_one(bench: WorkerBench, does: str) -> None:
    bench.handler(f"def Handler(instance):\n    print(os.getpid())\n    {does}")

    assert bench.does().output != bench.does().output


STAYS = {
    "changes its directory": "def Handler(instance):\n    os.chdir('/usr')",
    "is async": "async def Handler(instance):\n    import asyncio\n    await asyncio.sleep(0)",
    "runs programs": "import subprocess\ndef Handler(instance):\n    subprocess.run(['/bin/true'])",
    "redirects what it prints": (
        "import contextlib, io\n"
        "def Handler(instance):\n"
        "    with contextlib.redirect_stdout(io.StringIO()): print('aside')"
    ),
    "fails": "def Handler(instance):\n    raise ValueError('no')",
    "has threads": "def Handler(instance):\n    threading.Thread(target=print).start()",
    "is loaded with a handler of signals": "signal.signal(signal.SIGUSR1, print)\ndef Handler(instance): pass",
    "is loaded with another umask": "os.umask(0o027)\ndef Handler(instance): pass",
    "keeps what it has read": "seen = []\ndef Handler(instance):\n    seen.append(open('/etc/passwd'))",
}


@pytest.mark.parametrize("source", STAYS.values(), ids=STAYS)
def test_a_run_that_leaves_its_process_as_it_was_leaves_it_to_the_next_one(bench: WorkerBench, source: str) -> None:
    bench.handler(source)
    bench.does()
    workers = bench.workers()
    bench.does()

    assert len(workers) == 1
    assert bench.workers() == workers
