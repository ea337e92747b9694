"""Roots for programs that cannot be installed side by side, and namespaces that leave nothing behind.

A root is an overlay over this machine's own: what apt-get installs lands in a directory of ours (a layer, kept for the
next run), and what the programs write while a test runs in another, so that each run begins with fresh queues.
"""

import ctypes
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback

NEW_MOUNTS, NEW_HOST_NAME, NEW_IPC, NEW_PIDS, NEW_NET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
PR_SET_PDEATHSIG = 1
MISSING = 77
DPKG_STATUS = pathlib.Path("/var/lib/dpkg/status")
libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """What the tests need cannot be had here: they are skipped."""


def unshare(flags):
    if libc.unshare(flags) != 0:
        raise Unavailable(f"no namespaces: {os.strerror(ctypes.get_errno())}")


def isolated(work):
    """The status of `work()`, called in mount, process and host name namespaces of its own. However this process ends, the
    kernel then ends all that was started, and the mounts go with the last of it."""
    unshare(NEW_MOUNTS | NEW_PIDS | NEW_HOST_NAME | NEW_IPC)
    first = os.fork()
    if first:
        return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    call("mount", "--make-rprivate", "/")
    call("mount", "-t", "proc", "proc", "/proc")
    worker = os.fork()
    if not worker:
        _end(work)
    while True:  # daemons whose parent has gone are this process's children now
        pid, status = os.wait()
        if pid == worker:
            os._exit(max(0, os.waitstatus_to_exitcode(status)) or bool(status))


def _end(work):
    """Calls it as the last thing that this process does: what its parent would do after must not be done twice."""
    status = 1
    try:
        status = work()
    except Unavailable as reason:
        print(reason, file=sys.stderr)
        status = MISSING
    except KeyboardInterrupt:
        status = 130
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)


def call(*command, **options):
    """Runs a command that must succeed; what it printed."""
    run = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         errors="replace", check=False, **options)
    if run.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: status {run.returncode}: {run.stdout[-2000:]}")
    return run.stdout


def fresh(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def overlay(directory, layer=None):
    """Mounts `directory`/root: this machine's root, and what is written in `directory`/upper, which begins as a copy of
    `layer`: one directory inside another cannot be stacked over it."""
    for name in ("upper", "work", "root"):
        fresh(directory / name)
    if layer:
        call("cp", "-a", f"{layer}/.", directory / "upper")
    try:
        call("mount", "-t", "overlay", "overlay", "-o",
             f"lowerdir=/,upperdir={directory}/upper,workdir={directory}/work", directory / "root")
    except RuntimeError as error:
        raise Unavailable(f"no overlayfs: {error}") from None
    root = directory / "root"
    call("mount", "-t", "proc", "proc", root / "proc")
    call("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", root / "dev")
    for device in ("null", "zero", "full", "random", "urandom", "tty"):
        call("cp", "-a", f"/dev/{device}", root / "dev")
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (root / "dev" / name).symlink_to(target)
    (root / "dev/shm").mkdir(mode=0o1777)
    return root


def unmount(directory):
    for name in ("root/dev", "root/proc", "root"):
        call("umount", "-l", directory / name)


def installed(state, name, packages):
    """The layer with `packages` installed over this machine's root; made where there is none that fits."""
    made = state / "layers" / name
    key = hashlib.sha256(DPKG_STATUS.read_bytes() + " ".join(packages).encode()).hexdigest()
    if (made / "key").is_file() and (made / "key").read_text() == key:
        return made / "upper"
    print(f"installing {' '.join(packages)} in a root of its own", flush=True)
    shutil.rmtree(made, ignore_errors=True)
    trial = state / "layers" / f"{name}.new"
    root = overlay(fresh(trial))
    (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")  # package scripts start no service
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    install = "apt-get -q -y --no-install-recommends install " + " ".join(packages)
    try:
        call("chroot", root, "sh", "-c", f"{install} || {{ apt-get -q update; {install}; }}", env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8",
            **{name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}})
    except RuntimeError as error:
        raise Unavailable(f"cannot install {name}: {error}") from None
    unmount(trial)
    (trial / "key").write_text(key)
    trial.rename(made)
    return made / "upper"


def wait_until(condition, seconds):
    """Whether `condition()` became true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def bind_in(server, directory, name):
    """Binds a Unix socket to a name in a directory, whose whole path may be longer than an address can be."""
    at = os.open(directory, os.O_PATH)
    server.bind(f"/proc/self/fd/{at}/{name}")
    os.close(at)
    (directory / name).chmod(0o666)


class Root:
    """A root for one run, with a network namespace where it is not the world's, a host name, and a log."""

    def __init__(self, directory, layer, host_name, network=None):
        self.directory, self.network = directory, network
        self.path = overlay(fresh(directory), layer)
        self.names = directory / "names"
        self.names.touch()
        call("unshare", f"--uts={self.names}", "hostname", host_name)
        (self.path / "etc/mailname").write_text(host_name + "\n")
        self.log = (directory / "log").open("ab", buffering=0)
        syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bind_in(syslog, self.path / "dev", "log")
        threading.Thread(target=self._collect, args=(syslog,), daemon=True).start()

    def _collect(self, syslog):
        while True:
            self.log.write(syslog.recv(65536).rstrip(b"\0\n") + b"\n")

    def write(self, path, text):
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)  # it may be a link to something that is not in this root
        file.write_text(text)

    def command(self, *command):
        network = [f"--net=/run/netns/{self.network}"] if self.network else []
        return ["nsenter", *network, f"--uts={self.names}", "chroot", str(self.path), *map(str, command)]

    def run(self, *command, text=None, check=True):
        """Runs a command in the root; what it printed."""
        run = subprocess.run(self.command(*command), input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors="replace", check=False, timeout=120)
        if check and run.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: status {run.returncode}: {run.stdout[-2000:]}")
        return run.stdout

    def start(self, *command):
        """Starts a server in the root that stays in the foreground; what it prints goes to the log."""
        return subprocess.Popen(self.command(*command), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                start_new_session=True)
