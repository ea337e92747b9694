"""People are told by their own server, before it has queued anything: Postfix and Exim as contrib/ shows it."""

import re
import smtplib
import socket
import subprocess

from roots import Root, bind_in, call, wait_until
from senders import configure_exim
from world import CONTRIB, give_rules

WORDS = "550 5.7.1 {}redirect.ml looks like redirect.mil; nothing was sent. Did you mean bob@redirect.mil?"
PASSED = ["bob@redirect.mil", "bob@watched.ml", "bob@partner.example"]


class PolicySocket:
    """mxwarden as systemd starts it: standard input is a socket that listens."""

    def __init__(self, options, root):
        directory = root.path / "run/mxwarden"
        directory.mkdir(parents=True)
        listener = socket.socket(socket.AF_UNIX)
        bind_in(listener, directory, "policy")
        listener.listen()
        command = [options.command, "policy", "--submission", "--config", root.path / "etc/mxwarden/mxwarden.toml"]
        self.process = subprocess.Popen(command, stdin=listener, stdout=root.log, stderr=root.log)
        listener.close()


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def postfix_says(options, directory, layer):
    """What Postfix answers to each recipient."""
    root = Root(directory / "submission-postfix", layer, "mail.partner.example")
    give_rules(root)
    call("cp", options.command, root.path / "usr/bin/mxwarden")
    root.run("useradd", "--system", "--no-create-home", "mxwarden")
    for name in ("main.cf", "master.cf"):
        with (root.path / "etc/postfix" / name).open("a") as file:
            file.write((CONTRIB / "postfix" / f"submission.{name}").read_text())
    root.run("postconf", "inet_interfaces=127.0.0.1", "mydestination=partner.example", "local_recipient_maps=")
    root.run("postfix", "start")
    wait_until(lambda: listens(25), 10)
    with smtplib.SMTP("127.0.0.1", 25) as smtp:
        smtp.ehlo()
        smtp.mail("alice@partner.example")
        for recipient in ("bob@redirect.ml", *PASSED):
            code, text = smtp.rcpt(recipient)
            yield recipient, f"{code} {text.decode()}"
    assert "redirect.ml" not in root.run("mailq")


def exim_says(options, directory, layer):
    """What Exim answers to each recipient from a host of its own network, with the service and without it."""
    root = Root(directory / "submission-exim", layer, "mail.partner.example")
    give_rules(root)
    root.write("etc/exim4/conf.d/acl/25_mxwarden", (CONTRIB / "exim/25_mxwarden").read_text())
    root.write("etc/exim4/conf.d/main/000_localmacros", "MAIN_ACL_CHECK_RCPT = acl_mxwarden\n")
    configure_exim(root, use_split_config="true", relay_nets="192.0.2.0/24", eximconfig_configtype="internet")
    service = PolicySocket(options, root)

    def ask(*recipients):
        lines = ["EHLO client", "MAIL FROM:<alice@partner.example>", *(f"RCPT TO:<{one}>" for one in recipients), "QUIT", ""]
        said = root.run("exim4", "-bh", "192.0.2.1", text="\r\n".join(lines))
        said = re.sub(r"^550-(.*?)\r?\n550[ -]5\.7\.1", r"550 \1", said, flags=re.M)  # it breaks long lines, clients mend that
        return [line for line in said.splitlines() if line[:4] in ("250 ", "550 ")][2:]
    recipients = ("bob@redirect.ml", *PASSED)
    yield from zip(recipients, ask(*recipients), strict=True)
    service.process.kill()
    service.process.wait()
    yield "bob@redirect.ml (mxwarden is down)", ask("bob@redirect.ml")[0]


def submission(options, directory, postfix, exim):
    status = 0
    rejected = "<bob@redirect.ml>: Recipient address rejected: "
    for title, say, prefix in (("Postfix", postfix_says(options, directory, postfix), rejected),
                               ("Exim", exim_says(options, directory, exim), "")):
        for recipient, answer in say:
            is_right = answer == WORDS.format(prefix) if recipient == "bob@redirect.ml" else answer.startswith("250 ")
            print(f"{'' if is_right else 'WRONG: '}{title}: {recipient}: {answer}")
            status |= not is_right
    return int(status)
