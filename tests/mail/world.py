"""The world that the senders are in: its names, the resolvers, and the servers that mail can reach."""

import asyncio
import dataclasses
import hashlib
import http.server
import os
import pathlib
import shutil
import ssl
import subprocess
import threading
import time

from aiosmtpd.smtp import SMTP

from cases import (BUSY, CASES, DEAD, DOMAINS, DOWN, FIRST_DOWN, LEAK_SERVER, MAILBOX, MTA_STS, NSD, OBSERVED, POLICY_HOST,
                   SIGNED, WARNING_HOSTS, WARNING_MX)
from roots import Root, call, fresh

CONTRIB = pathlib.Path(__file__).resolve().parent.parent.parent / "contrib"


@dataclasses.dataclass
class Arrival:
    """A mail that somebody took, or a recipient that nobody did."""
    where: str
    sender: str
    case: str
    recipient: str
    content: bytes
    at: float
    is_bounce: bool = False
    taken: bool = True


class Arrivals:
    """All that has arrived anywhere; every thread may ask."""

    def __init__(self):
        self._all, self._connections, self._lock = [], [], threading.Lock()

    def add(self, arrival):
        with self._lock:
            self._all.append(arrival)

    def connected(self, where, peer):
        with self._lock:
            self._connections.append((where, peer))

    def of(self, sender, case=None):
        with self._lock:
            return [a for a in self._all if a.sender == sender and case in (None, a.case)]

    def connections(self, where):
        with self._lock:
            return [peer for place, peer in self._connections if place == where]


class Connection(SMTP):
    """As aiosmtpd has it, but who connects is noted before anything is said."""

    def connection_made(self, transport):
        if not transport.get_extra_info("sslcontext"):  # else again, after STARTTLS
            self.event_handler.connected(transport.get_extra_info("peername")[0])
        super().connection_made(transport)


class Sink:
    """A mail server that takes everything. A message is known by its envelope: case@SENDER.example sent it, or gets the
    bounce."""

    def __init__(self, where, arrivals, refuses=lambda sender, case: False):
        self.where, self.arrivals, self.refuses = where, arrivals, refuses

    def connected(self, peer):
        self.arrivals.connected(self.where, peer)

    def note(self, envelope, recipient, content, taken=True):
        is_bounce = envelope.mail_from == "<>"  # so it says for none
        case, _, domain = (recipient if is_bounce else envelope.mail_from).partition("@")
        arrival = Arrival(self.where, domain.partition(".")[0], case, recipient, content, time.monotonic(), is_bounce, taken)
        self.arrivals.add(arrival)

    async def handle_RCPT(self, server, session, envelope, address, options):
        case, _, domain = envelope.mail_from.partition("@")
        if self.refuses(domain.partition(".")[0], case):
            self.note(envelope, address, b"", taken=False)
            asyncio.get_running_loop().call_later(0.2, server.transport.close)  # OpenSMTPD keeps the connection for the next try
            return "421 4.3.2 going down"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        for recipient in envelope.rcpt_tos:
            self.note(envelope, recipient, envelope.content)
        return "250 2.0.0 taken"


class WarningMx:
    """The Postfix of contrib/postfix, one for each warning host, in a root of its own."""

    def __init__(self, world, layer):
        self.world, self.layer, self.root = world, layer, None

    def start(self):
        self.root = Root(self.world.directory.parent / "warning-mx", self.layer, WARNING_HOSTS[0])
        source = self.root.path / "usr/local/src/mxwarden"  # this checkout may be on a file system that is not in the root
        shutil.copytree(CONTRIB, source / "contrib")
        shutil.copy(self.world.options.command, self.root.path / "usr/bin/mxwarden")
        give_rules(self.root)
        for host, address in zip(WARNING_HOSTS, WARNING_MX):
            print(self.root.run("/usr/local/src/mxwarden/contrib/postfix/warning-mx", "--name", host, "--listen", address,
                                "--instance", host.partition(".")[0], "--try", "bob@redirect.ml"))

    def processes(self):
        """All of them, by their root."""
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{process}/root") == str(self.root.path):
                    yield process
            except OSError:
                pass  # it has ended

    def events(self):
        """Who was warned, a JSON line each."""
        return (self.root.path / "var/log/mxwarden/warnings.json").read_text()


def rules():
    """A rule for each case."""
    return "schema = 1\n" + "\n".join(
        f'[[protect]]\nid = "{case.name}"\ndomains = ["{case.name}.mil"]\nslips = ["ml"]\n{case.rule}\n' for case in DOMAINS)


def warning_hosts(addresses):
    hosts = dict(zip(WARNING_HOSTS, addresses))
    known = ", ".join(f'"{host}" = ["{address}"]' for host, address in hosts.items())
    names = '", "'.join(hosts)
    return f'[warning_mx]\nhosts = ["{names}"]\naddresses = {{ {known} }}\n'


def give_rules(root):
    """Writes the rules to where the command looks for them in a root."""
    root.write("etc/mxwarden/mxwarden.toml", 'schema = 1\nrules = ["rules.toml"]\n' + warning_hosts(WARNING_MX))
    root.write("etc/mxwarden/rules.toml", rules())


class PolicyHost(http.server.BaseHTTPRequestHandler):
    """The MTA-STS policy of the look-alike: only its own server will do."""
    arrivals = None

    def do_GET(self):
        self.arrivals.connected("policy host", self.client_address[0])
        policy = f"version: STSv1\r\nmode: enforce\r\nmx: mx.{MTA_STS}.ml\r\nmax_age: 86400\r\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(policy)))
        self.end_headers()
        self.wfile.write(policy)

    def log_message(self, *_):
        pass


class Resolver:
    """Unbound for one sender, with rules of its own where it has the module."""

    def __init__(self, world, sender, address, with_module):
        self.world, self.address, self.with_module = world, address, with_module
        self.directory = fresh(world.directory / f"resolver-{sender}")
        (self.directory / "state").mkdir()
        self.config = self.directory / "mxwarden.toml"
        self.allowed = self.directory / "allowed.toml"

    def start(self):
        self.write_rules(WARNING_MX)
        (self.directory / "unbound.conf").write_text(f"""\
server:
  interface: {self.address}
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{self.directory}"
  pidfile: ""
  use-syslog: no
  log-queries: yes
  trust-anchor-file: "{self.world.anchors}"
  module-config: "{'dynlib ' if self.with_module else ''}validator iterator"
dynlib:
  dynlib-file: "{self.world.options.module}"
forward-zone:
  name: "."
  forward-addr: {NSD}
remote-control:
  control-enable: no
""")
        self.world.serve(self.directory / "log", self.address, self.world.options.host / "unbound", "-c",
                         self.directory / "unbound.conf",
                         env={**os.environ, "MXWARDEN_CONFIG": str(self.config), "MXWARDEN_STATE": str(self.directory / "state")})

    def write_rules(self, warning_mx):
        (self.directory / "rules.toml").write_text(rules())
        if not self.allowed.exists():
            self.allow_only([case.domain for case in DOMAINS if case.allowed])
        trial = self.config.with_suffix(".new")
        trial.write_text(f"""\
schema = 1
rules = ["rules.toml", "allowed.toml"]
[events]
file = "{self.directory}/events.json"
{warning_hosts(warning_mx)}""")
        trial.rename(self.config)

    def allow_only(self, domains):
        self.allowed.write_text("schema = 1\n" + "".join(
            f'[[allow]]\ndomains = ["{domain}"]\nreason = "they are who they say"\n' for domain in domains))

    def reload(self):
        call(self.world.options.command, "reload", "--socket", self.directory / "state/control")

    def warning_mx_is(self, when):
        self.write_rules({DOWN: DEAD, FIRST_DOWN: [DEAD[0], WARNING_MX[1]]}.get(when, WARNING_MX))
        self.reload()

    def change_allowed(self):
        """What the rules say once messages are deferred: one name is allowed, another no more."""
        self.allow_only([case.domain for case in DOMAINS if case.allowed and case.later is None])
        for case in CASES:
            if case.later:
                call(self.world.options.command, "allow", case.domain, "--reason", "ticket 4711", "--config", self.config,
                     "--file", self.allowed)
        self.reload()


class World:
    """Runs in the namespace of the caller, in threads and children of it."""

    def __init__(self, options, directory, senders, postfix):
        """`postfix` is the layer that has one, for the warning MX."""
        self.options, self.directory, self.senders = options, fresh(directory), senders
        self.arrivals = Arrivals()
        self.busy = {(sender.name, case.name) for sender in senders for case in CASES if case.server == BUSY}
        self.anchors = self.directory / "anchors"
        self.warning_mx = WarningMx(self, postfix)
        self._loop = asyncio.new_event_loop()

    def start(self):
        for address in (NSD, *WARNING_MX, *DEAD, LEAK_SERVER, OBSERVED, BUSY, POLICY_HOST, MAILBOX,
                        *(sender.resolver_address for sender in self.senders)):
            call("ip", "address", "add", f"{address}/32", "dev", "lo")
        for sender in self.senders:
            call("ip", "netns", "add", sender.name)
            call("ip", "link", "add", sender.name, "type", "veth", "peer", "name", "eth0", "netns", sender.name)
            call("ip", "address", "add", f"{sender.gateway}/30", "dev", sender.name)
            call("ip", "link", "set", sender.name, "up")
            inside = ("ip", "-n", sender.name)
            call(*inside, "link", "set", "lo", "up")
            call(*inside, "address", "add", f"{sender.address}/30", "dev", "eth0")
            call(*inside, "link", "set", "eth0", "up")
            call(*inside, "route", "add", "default", "via", sender.gateway)
        self._make_certificates()
        self._start_nsd()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.listen(LEAK_SERVER, Sink("leak", self.arrivals))
        self.listen(OBSERVED, Sink("observed", self.arrivals))
        self.listen(BUSY, Sink("busy", self.arrivals, lambda *message: message in self.busy))
        self.listen(MAILBOX, Sink("mailbox", self.arrivals))
        self.warning_mx.start()
        PolicyHost.arrivals = self.arrivals
        policy_host = http.server.ThreadingHTTPServer((POLICY_HOST, 443), PolicyHost)
        policy_host.socket = self.tls.wrap_socket(policy_host.socket, server_side=True)
        threading.Thread(target=policy_host.serve_forever, daemon=True).start()
        for sender in self.senders:
            sender.resolver = Resolver(self, sender.name, sender.resolver_address, sender.with_module)
            sender.resolver.start()

    def listen(self, address, handler):
        """Serves SMTP on `address` by `handler`."""
        def connection():
            return Connection(handler, hostname="mx.world.example", tls_context=self.tls, loop=self._loop,
                              auth_exclude_mechanism=["LOGIN", "PLAIN"])  # else sendmail says AUTH=, and is refused
        asyncio.run_coroutine_threadsafe(self._loop.create_server(connection, address, 25, backlog=1024), self._loop).result(10)

    def serve(self, log, address, *command, env=None):
        """Starts a name server, and returns once it answers."""
        with log.open("wb") as output:
            server = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env)
        for _ in range(300):
            if subprocess.run(["drill", "-t", f"@{address}", ".", "SOA"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0:
                return
            if server.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"{command[0]} does not answer on {address}; {log}:\n{log.read_text(errors='replace')[-2000:]}")

    def _make_certificates(self):
        """A CA, and one certificate of it for every server."""
        def openssl(*words):
            call("openssl", *words, cwd=self.directory)
        names = [f"mx.{MTA_STS}.ml", f"mta-sts.{MTA_STS}.ml", *(f"mx.{name}.ml" for name in SIGNED), *WARNING_HOSTS]
        (self.directory / "names").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=CA of the mail tests")
        openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "names", "-out", "server.crt")
        self.ca = (self.directory / "ca.crt").read_text()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.directory / "server.crt", self.directory / "server.key")

    def _key_hash(self):
        openssl = ["openssl", "pkey", "-in", str(self.directory / "server.key"), "-pubout", "-outform", "der"]
        return hashlib.sha256(subprocess.run(openssl, stdout=subprocess.PIPE, check=True).stdout).hexdigest()

    def _start_nsd(self):
        """The whole outside DNS: every look-alike has a server that would take the mail, and an address where that listens."""
        zones = {"mil.": [], "ml.": [], "org.": [], "example.": [f"ns.nic A {NSD}"]}
        zones["."] = [f"{zone} NS ns.nic.example." for zone in zones] + [f"ns.nic.example. A {NSD}"]

        def host(zone, name, address, records=()):
            zones[zone] += [f"{name} MX 10 mx.{name}", f"mx.{name} A {address}", f"{name} A {address}",
                            *(f"{owner}.{name} {data}" for owner, data in records)]
        for case in DOMAINS:
            host("mil.", case.name, MAILBOX)
            if case.name in SIGNED:
                continue
            host("ml.", case.name, case.server)
            zones["ml."] += [f"mail.{case.name} MX 10 mx.{case.name}", f"mail.{case.name} A {case.server}"]
        zones["ml."] += [f'_mta-sts.{MTA_STS} TXT "v=STSv1; id=1"', f"mta-sts.{MTA_STS} A {POLICY_HOST}"]
        zones["org."] += ["post.partner CNAME aliased.ml."]
        host("org.", "partner", MAILBOX)
        for sender in self.senders:
            host("example.", sender.name, MAILBOX, [("relay", f"A {sender.address}")])
        for name in SIGNED:
            zones[f"{name}.ml."] = ["@ MX 10 mx", f"mx A {LEAK_SERVER}", f"@ A {LEAK_SERVER}",
                                    f"_25._tcp.mx TLSA 3 1 1 {self._key_hash()}"]
        config = [f"""\
server:
  ip-address: {NSD}
  do-ip6: no
  username: ""
  database: ""
  zonesdir: "{self.directory}"
  zonelistfile: "{self.directory}/nsd.zones"
  xfrdfile: "{self.directory}/nsd.xfrd"
  xfrdir: "{self.directory}"
  pidfile: ""
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""]
        anchors = []
        for origin, records in zones.items():
            file = self.directory / f"zone-{origin.rstrip('.') or 'root'}"
            head = [f"$ORIGIN {origin}", "$TTL 3600", "@ SOA ns.nic.example. hostmaster.nic.example. 1 7200 900 1209600 300",
                    "@ NS ns.nic.example."]
            file.write_text("\n".join([*head, *records]) + "\n")
            if origin == "." or origin.removesuffix(".ml.") in SIGNED:  # Postfix tries the root before it believes in DNSSEC
                key = call("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", origin, cwd=self.directory).strip()
                call("ldns-signzone", file, key, cwd=self.directory)
                anchors.append((self.directory / f"{key}.key").read_text())
                file = file.with_name(file.name + ".signed")
            config.append(f'zone:\n  name: "{origin}"\n  zonefile: "{file}"\n')
        self.anchors.write_text("".join(anchors))
        (self.directory / "nsd.conf").write_text("".join(config))
        self.serve(self.directory / "nsd.log", NSD, "nsd", "-d", "-c", self.directory / "nsd.conf")
