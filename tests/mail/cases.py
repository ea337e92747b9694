"""What is sent, and what must become of it.

Each case has a protected name of its own, NAME.mil, and a look-alike of it, NAME.ml, so that all messages of a sender can be
under way at once. Each is sent to bob@ there, from NAME@SENDER.example, by which it is known wherever it arrives.
"""

import dataclasses

WORDS, BOUNCE, WAITS, DELIVERED, LEAK = "at once, words", "at once", "waits", "delivered", "LEAK"

# Where the servers of the world are; all are beyond what Debian's Exim refuses to talk to.
NSD = "198.51.100.1"
WARNING_HOSTS = ["warn1.example.mil", "warn2.example.mil"]
WARNING_MX = ["198.51.100.25", "198.51.100.26"]
DEAD = ["198.51.100.27", "198.51.100.28"]  # nothing listens there
LEAK_SERVER, OBSERVED, BUSY, POLICY_HOST, MAILBOX = (f"198.51.100.{n}" for n in (66, 67, 68, 69, 80))

NOW, DOWN, FIRST_DOWN, UP = "now", "down", "first down", "up"  # when it is sent, by the state of the warning MX


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    row: str  # of the matrix
    expected: dict  # by sender; "" for the others; None where it is not tried
    rule: str = ""  # more keys of its [[protect]]
    server: str = LEAK_SERVER  # of the look-alike
    when: str = NOW
    to: str = ""  # instead of the look-alike
    others: tuple = ()  # recipients who must get it, whatever becomes of bob's
    allowed: bool = False  # from the beginning
    later: bool = None  # allowed or not, once the message is deferred
    with_module: bool = True  # whether it needs the rules to tell anything

    @property
    def domain(self):
        return self.to or f"{self.name}.ml"

    @property
    def meant(self):
        """What the sender is told that the name looks like."""
        return f"mail.{self.name}.mil" if self.domain == f"mail.{self.name}.ml" else f"{self.name}.mil"

    @property
    def recipient(self):
        return f"bob@{self.domain}"

    def expect(self, sender):
        return self.expected.get(sender, self.expected.get("", None))


def action(name, expected):
    return Case(name, f"`{name}`", {"plain": LEAK, **expected}, f'action = "{name}"',
                when=UP if name == "redirect" else NOW)


def tls(level, row, expected, **more):
    return Case(level, row, {"postfix": expected, "plain": LEAK}, when=UP, **more)


CASES = [
    action("redirect", {"": WORDS}),
    action("null-mx", {"": BOUNCE, "opensmtpd": WAITS}),
    action("nxdomain", {"": BOUNCE}),
    action("nodata", {"": BOUNCE, "opensmtpd": WAITS}),
    action("refused", {"": WAITS, "opensmtpd": BOUNCE}),
    action("servfail", {"": WAITS}),
    action("drop", {"": WAITS}),
    Case("pass", "`pass`", {"": DELIVERED}, 'action = "pass"', server=OBSERVED),
    Case("watched", "`mode = \"observe\"`", {"": DELIVERED}, 'mode = "observe"', server=OBSERVED),
    Case("protected", "the protected name itself", {"": DELIVERED}, to="protected.mil"),
    Case("allowed", "an allowed look-alike", {"": DELIVERED}, server=MAILBOX, allowed=True),
    Case("below", "a name below a look-alike", {"": WORDS, "plain": LEAK}, when=UP, to="mail.below.ml"),
    Case("aliased", "an alias of a look-alike", {"": BOUNCE, "sendmail": WORDS, "plain": LEAK}, when=UP, to="post.partner.org"),
    Case("twofold", "two recipients: the other gets it once, unchanged", {"": WORDS, "plain": LEAK}, when=UP,
         others=("carol@partner.org",)),
    Case("firstdown", "first of two warning MX down", {"": WORDS, "plain": None}, when=FIRST_DOWN),
    Case("alldown", "both warning MX down", {"": WAITS, "plain": None}, when=DOWN),
    Case("alldown", "… up again, queue flushed", {"": WORDS, "plain": None}, when=DOWN, later=False),
    Case("laterfine", "deferred, then allowed, queue flushed", {"": DELIVERED, "plain": None}, when=DOWN, server=MAILBOX,
         later=True),
    Case("laterbad", "deferred, then no longer allowed, queue flushed", {"": WORDS, "plain": None}, when=DOWN, server=BUSY,
         allowed=True, later=False),
    tls("dane", "`smtp_tls_security_level = dane`", WORDS),
    tls("dane-only", "`smtp_tls_security_level = dane-only`", WAITS),
    tls("encrypt", "`smtp_tls_security_level = encrypt`", WORDS),
    tls("mtasts", "MTA-STS, `mode: enforce`", WORDS),
]
DOMAINS = {case.name: case for case in CASES}.values()  # one of each name
SIGNED = ("dane", "dane-only")
MTA_STS = "mtasts"


def cases_of(sender):
    return [case for case in CASES if case.expect(sender)]
