"""A resolver as an operator has it, in a directory of its own: what the tests of `enable`, `disable` and `doctor` share."""
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = """schema = 1
[events]
file = "{events}"
[[protect]]
id = "army"
domains = ["army.mil"]
slips = ["ml"]
action = "null-mx"
mode = "{mode}"
"""
ANCHOR = (". 86400 IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+"
          "B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr"
          "+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU=\n")


class Resolver:
    """Its configuration is `conf`, which includes `conf_d`; `host` has its programs."""

    def __init__(self, options, directory, name="etc", port=5301):
        self.options = options
        self.directory = directory
        self.host = options.host
        self.module = options.module
        self.conf_d = directory / name / "unbound.conf.d"
        self.conf = directory / name / "unbound.conf"
        self.drop_in = self.conf_d / "mxwarden.conf"
        self.rules = directory / name / "mxwarden.toml"
        self.state = directory / "state"
        self.keys = directory / "keys"
        self.events = self.state / "events.json"
        self.address = f"127.54.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
        self.user = "nobody"
        self.port = port
        self.process = None
        self.log = directory / "unbound.log"
        self.environment = dict(os.environ, MXWARDEN_CONFIG=str(self.rules), MXWARDEN_STATE=str(self.state), NO_COLOR="1")
        for path in (self.conf_d, self.state, self.keys):
            path.mkdir(parents=True)
        for path in (directory, directory / name):
            path.chmod(0o755)
        for path in (self.state, self.keys):
            shutil.chown(path, self.user)
        anchor = self.keys / "root.key"
        anchor.write_text(ANCHOR)
        shutil.chown(anchor, self.user)
        self.write_rules()
        self.write_conf()

    def write_rules(self, text=None, mode="enforce"):
        self.rules.write_text(text or RULES.format(events=self.events, mode=mode))

    def write_conf(self, modules=None, more=""):
        self.conf.write_text(f"""# the operator's own
server:
    interface: {self.address}
    port: {self.port}
    access-control: 127.0.0.0/8 allow
    username: "{self.user}"
    chroot: ""
    directory: "{self.directory}"
    pidfile: "{self.directory}/unbound.pid"
    use-syslog: no
    do-ip6: no
    auto-trust-anchor-file: "{self.keys}/root.key"
{f'    module-config: "{modules}"' if modules else ''}
{more}
remote-control:
    control-enable: yes
    control-interface: "{self.directory}/unbound.ctl"
include-toplevel: "{self.conf_d}/*.conf"
""")

    def words(self, command, *more):
        """What is typed for a command that takes the resolver's options."""
        words = [self.options.command, command, "--host", self.host, "--unbound-conf", self.conf, "--drop-in", self.drop_in]
        if command == "enable":
            words += ["--module", self.module]
        return [str(word) for word in (*words, *more)]

    def run(self, command, *more, **others):
        return subprocess.run(self.words(command, *more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False,
                              text=True, errors="replace", env=self.environment, **others)

    def files(self):
        """Every file and directory below, what it has, its mode and owner; without what only the running resolver writes."""
        found = {}
        for path in sorted(self.directory.rglob("*")):
            if path == self.log or path.suffix in (".ctl", ".pid"):
                continue
            status = path.lstat()
            what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
            found[str(path)] = (what, status.st_mode, status.st_uid, status.st_gid)
        return found

    def start(self, answers=True):
        with self.log.open("ab") as log:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen([str(self.host / "unbound"), "-d", "-c", str(self.conf)], stdout=log, stderr=log,
                                            env=self.environment)
        if answers:
            wait_for(self.answers, f"unbound does not answer: {self.log}")

    def answers(self):
        """Its own answer to a name that no module sees."""
        return b"\x03www\x07invalid" in self.ask("www.invalid")

    def ask(self, name, kind=15):
        """The message that comes for a question, or nothing."""
        query = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0" + b"".join(
            bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0" + kind.to_bytes(2, "big") + b"\0\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.3)
            try:
                sock.sendto(query, (self.address, self.port))
                return sock.recv(4096)
            except OSError:
                return b""

    def is_null_mx(self, name):
        """One record: preference 0 and the root."""
        message = self.ask(name)
        return message[6:8] == b"\0\x01" and b"\0\x03\0\0\0" in message[12:]

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


def wait_for(good, why, seconds=20):
    """Until it is; how long that takes is not what is tested."""
    end = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < end, why
        time.sleep(0.05)


def stop_at(process, seconds):
    """Sends SIGTERM after a while; returns what the process said."""
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=60)
