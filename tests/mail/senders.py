"""The mail servers that send, each as its package has it: only names, and what a machine in the internet is told, are set."""

import email.utils
import re
import subprocess

from cases import DEAD, MTA_STS, WARNING_HOSTS
from roots import Root, installed, wait_until

TODAY = email.utils.formatdate()  # so that a message can be made again, to be compared


class Sender:
    name = title = ""
    package = ""
    packages = ()
    with_module = True
    flush_command = ()
    queue_command = ("mailq",)
    submit_options = ()
    log_files = ()

    def __init__(self, number):
        self.gateway, self.address = (f"203.0.113.{4 * number + n}" for n in (1, 2))
        self.resolver_address = f"198.51.100.{100 + number}"
        self.resolver = self.root = None

    def install(self, state):
        self.layer = installed(state, self.package, [self.package, *self.packages])
        return self.layer

    def start(self, directory, world):
        self.root = Root(directory, self.layer, f"relay.{self.name}.example", self.name)
        self.root.write("etc/resolv.conf", f"nameserver {self.resolver_address}\n")
        self.root.write("etc/hosts", f"127.0.0.1 localhost\n{self.address} relay.{self.name}.example relay\n")
        version = self.root.run("dpkg-query", "-W", "-f", "${Version}", self.package)
        self.title = re.sub("$|(?=,)", " " + re.sub(r"-[^-]*$", "", version), self.title, count=1)
        self.serve(world)

    def serve(self, world):
        """Configures and starts what stays in the background."""

    def submit(self, case):
        """Sends the message of a case, as a user of the machine does."""
        self.send(case.name, [case.recipient, *case.others], message(self, case.name, case.recipient))

    def send(self, name, recipients, content):
        run = subprocess.run(
            self.root.command("/usr/sbin/sendmail", *self.submit_options, "-i", "-f", f"{name}@{self.name}.example", *recipients),
            input=content, stdout=self.root.log, stderr=self.root.log, text=True, check=False, timeout=60)
        if run.returncode != 0:
            raise RuntimeError(f"{self.title} does not take the message {name}: status {run.returncode}")

    def flush(self):
        self.root.run(*self.flush_command, check=False)

    def queue(self):
        return self.root.run(*self.queue_command, check=False)

    def has_forgotten(self, domain):
        """Whether it would ask for the MX of the domain if it tried now."""
        return True

    def log(self):
        files = [self.root.directory / "log", *(self.root.path / file for file in self.log_files)]
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def has_tried_the_dead(self):
        return re.search("|".join(re.escape(word) for word in (DEAD[1], WARNING_HOSTS[1])), self.log())


def message(sender, name, recipient):
    return (f"From: Alice <{name}@{sender.name}.example>\nTo: {recipient}\nSubject: for your eyes only\n"
            f"Date: {TODAY}\nMessage-ID: <{name}@{sender.name}.example>\n\n"
            f"The convoy leaves at six.\n.\nSent by {sender.title}.\n")


class Postfix(Sender):
    name, title, package = "postfix", "Postfix", "postfix"
    packages = ("postfix-mta-sts-resolver", "ca-certificates")
    flush_command = ("postqueue", "-f")
    log_files = ("var/log/mail.log",)
    settings = ()

    def serve(self, world):
        root = self.root
        root.run("postconf", "-e", f"myhostname=relay.{self.name}.example", "mydestination=localhost",
                 "inet_interfaces=loopback-only", "inet_protocols=ipv4", "maillog_file=/var/log/mail.log",
                 "smtp_dns_support_level=dnssec", "smtp_tls_policy_maps=texthash:/etc/postfix/tls",
                 "smtp_tls_CApath=/etc/ssl/certs", "smtp_tls_loglevel=1", "transport_maps=texthash:/etc/postfix/transport",
                 *self.settings)
        root.write("etc/postfix/tls", "dane.ml dane\ndane-only.ml dane-only\nencrypt.ml encrypt\n")
        # The resolver of policies is asked about one name only, so that it changes nothing about the others.
        root.write("etc/postfix/transport", f"{MTA_STS}.ml mtasts:\n")
        root.run("postconf", "-M", "mtasts/unix=mtasts unix - - y - - smtp")
        root.run("postconf", "-P", "mtasts/unix/smtp_tls_policy_maps=socketmap:inet:127.0.0.1:8461:postfix",
                 "mtasts/unix/smtp_tls_security_level=may")
        root.write("usr/local/share/ca-certificates/tests.crt", world.ca)
        root.run("update-ca-certificates")
        root.start("mta-sts-daemon", "-c", "/etc/mta-sts-daemon.yml")
        root.run("/usr/lib/postfix/configure-instance.sh", "-")  # as Debian's unit does: fills the chroot
        root.run("postfix", "start")


class PlainPostfix(Postfix):
    """The control: the resolver has no module."""
    name, title, with_module = "plain", "Postfix, no module", False


def configure_exim(root, **settings):
    """Answers Debian's questions about Exim."""
    file = root.path / "etc/exim4/update-exim4.conf.conf"
    text = file.read_text()
    for key, value in settings.items():
        text = re.sub(rf"^dc_{key}=.*$", f"dc_{key}='{value}'", text, flags=re.M)
    file.write_text(text)
    root.run("update-exim4.conf")


class Exim(Sender):
    name, title, package = "exim", "Exim", "exim4-daemon-light"
    flush_command = ("exim4", "-qff")
    log_files = ("var/log/exim4/mainlog",)

    def serve(self, world):
        configure_exim(self.root, eximconfig_configtype="internet", other_hostnames=f"relay.{self.name}.example")
        self.root.start("exim4", "-bdf", "-q30m")


class OpenSmtpd(Sender):
    name, title, package = "opensmtpd", "OpenSMTPD", "opensmtpd"
    flush_command = ("smtpctl", "schedule", "all")
    queue_command = ("smtpctl", "show", "queue")

    def serve(self, world):
        self.root.start("smtpd", "-d")
        status = self.root.command("smtpctl", "show", "status")
        if not wait_until(lambda: subprocess.run(status, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                                 check=False).returncode == 0, 10):
            raise RuntimeError("smtpd does not start: " + self.log()[-1000:])

    def has_forgotten(self, domain):
        return f"[relay:{domain}," not in self.root.run("smtpctl", "show", "relays")  # it knows them for some 10 s


class Sendmail(Sender):
    name, title, package = "sendmail", "sendmail", "sendmail-bin"
    flush_command = ("sendmail", "-qf", "-OMinQueueAge=0")
    submit_options = ("-Am", "-odb")  # by the daemon each message waits for a pause before the greeting

    def serve(self, world):
        self.root.start("/usr/sbin/sendmail-mta", "-Am", "-L", "sm-mta", "-bD", "-q30m")


class Dma(Sender):
    name, title, package = "dma", "dma", "dma"
    flush_command = ("dma", "-q")


SENDERS = [Postfix, Exim, OpenSmtpd, Sendmail, Dma, PlainPostfix]
