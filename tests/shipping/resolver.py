"""A resolver with the module under questions, for what carries its events on. Policy answers all that is asked, so that there
is no world outside."""

import argparse
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
USER = "nobody"
PATIENCE_S = 60  # for what should come soon; nothing is measured by it


def arguments(doc):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", type=pathlib.Path, default=ROOT / "build/release/mxwarden.so", metavar="FILE")
    parser.add_argument("--command", type=pathlib.Path, default=ROOT / "build/release/mxwarden", metavar="FILE")
    parser.add_argument("--host", type=pathlib.Path, default=ROOT / "build/unbound", metavar="DIR", help="where unbound is")
    options = parser.parse_args()
    for name in ("module", "command", "host"):
        setattr(options, name, getattr(options, name).resolve())
    return options


def started(*words, **more):
    """A process that ends with this one, whatever becomes of that."""
    def die_together():
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    return subprocess.Popen(words, preexec_fn=die_together, **more)


def needs(*programs):
    """Ends the test as skipped where one is missing, or who runs it is not root."""
    missing = [program for program in programs if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")]
    if missing or os.geteuid() != 0:
        print(f"skipped: {'not root' if not missing else 'install ' + ', '.join(missing)}", file=sys.stderr)
        sys.exit(77)


def eventually(condition, what):
    """Returns what `condition` does, as soon as that is true."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {PATIENCE_S} s: {what}")


def own_address():
    """Of the loopback and ours alone, so that the ports are free."""
    return f"127.53.{random.randint(1, 250)}.{random.randint(1, 250)}"


def names_in(lines):
    """The names that events tell of, in their order. Fails on a line that is none, and where events were lost."""
    events = [json.loads(line) for line in lines]
    lost = [event for event in events if event["event"]["action"] == "events-dropped"]
    assert not lost, lost
    return [event["dns"]["question"]["name"] for event in events]


def check_each_once(found, asked):
    """`found` must be the names that were asked for, each once."""
    missing = sorted(set(asked) - set(found))
    twice = sorted({name for name in found if found.count(name) > 1}) if len(found) != len(set(found)) else []
    assert not missing and not twice and len(found) == len(asked), (
        f"{len(asked)} asked, {len(found)} events; missing {missing[:5]}…{len(missing)}, twice {twice[:5]}…{len(twice)}")


class Resolver:
    """Unbound, by a user without privileges, with a rule for army.mil; `asked` are the names that it was asked for."""

    def __init__(self, options, directory):
        self.command = options.command
        self.directory = directory
        self.state = directory / "state"
        self.events = self.state / "events.json"
        self.log = directory / "unbound.log"
        self.address = own_address()
        self.asked = []
        directory.chmod(0o755)
        self.state.mkdir()
        shutil.chown(self.state, USER)
        rules = directory / "etc/mxwarden.toml"  # alone, since the resolver watches the directory
        rules.parent.mkdir()
        rules.write_text(f'schema = 1\n[events]\nfile = "{self.events}"\n'
                         '[[protect]]\nid = "army"\ndomains = ["army.mil"]\nslips = ["ml"]\naction = "null-mx"\n')
        conf = directory / "unbound.conf"
        conf.write_text(f"""server:
  interface: {self.address}
  port: 5301
  username: "{USER}"
  chroot: ""
  directory: "{directory}"
  pidfile: ""
  use-syslog: no
  access-control: 127.0.0.0/8 allow
  module-config: "dynlib iterator"
dynlib:
  dynlib-file: "{options.module}"
""")
        environment = {**os.environ, "MXWARDEN_CONFIG": str(rules), "MXWARDEN_STATE": str(self.state)}
        with open(self.log, "wb") as log:
            self.process = started(options.host / "unbound", "-d", "-c", conf, env=environment, stderr=log)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(1)
        self.socket.connect((self.address, 5301))
        eventually(lambda: self.reply("localhost"), "an answer of the resolver")

    def reply(self, name):
        """The answer to a question for the MX of `name`, or None."""
        question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0" + struct.pack("!HH", 15, 1)
        number = random.randint(0, 65535)
        try:
            self.socket.send(struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + question)
            while True:
                reply = self.socket.recv(4096)
                if reply[:2] == struct.pack("!H", number):
                    return reply
        except OSError:
            return None

    def ask(self, count=1):
        """Asks for names that nobody asked for, slowly enough for the rings, and expects a null MX each time."""
        for _ in range(count):
            name = f"n{len(self.asked)}.army.ml"
            self.asked.append(name)
            reply = eventually(lambda: self.reply(name), f"an answer for {name}")
            assert struct.unpack("!H", reply[6:8]) == (1,) and reply.find(b"\0\x03\0\0\0") > 0, reply
            time.sleep(0.002)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE_S)
        text = self.log.read_text()
        assert status == 0 and "event log" not in text and "Sanitizer" not in text, text


class Questions(threading.Thread):
    """Questions while something else happens."""

    def __init__(self, resolver):
        super().__init__()
        self.resolver, self.is_over, self.failure = resolver, False, None
        self.start()

    def run(self):
        try:
            while not self.is_over:
                self.resolver.ask()
        except AssertionError as failure:
            self.failure = failure

    def end(self):
        self.is_over = True
        self.join()
        assert self.failure is None, self.failure


def run(doc, *tests):
    """Runs each of `tests`, a function of the options and a directory of its own."""
    options = arguments(doc)
    for test in tests:
        with tempfile.TemporaryDirectory() as directory:
            test(options, pathlib.Path(directory))
        print("passed:", test.__doc__, flush=True)
    return 0
