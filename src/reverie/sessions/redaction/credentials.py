"""Detectors of secrets: the issued tokens that ``detect-secrets`` knows, those it lacks, and named passwords.

The library's plugins scan source files line by line and report values, so their patterns are used here and not their
scanners. Its entropy plugins are left out: identifiers in tool results are as random as secrets are.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from detect_secrets.filters.heuristic import is_prefixed_with_dollar_sign, is_templated_secret
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from reverie.sessions.redaction.detector import CLEAN_START, HAS_LONG_RUN, Detector, Found, ascii_lower

_REST_OF_RUN = re.compile(r"[A-Za-z0-9_-]*")


def _ascii(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    """The gate folds the case of ASCII letters only, so no pattern may fold more."""
    if isinstance(pattern, str):
        return re.compile(pattern, re.ASCII)
    return re.compile(pattern.pattern, pattern.flags & ~re.UNICODE | re.ASCII)


def _token(
    kind: str,
    patterns: Iterable[str | re.Pattern[str]],
    *needles: bytes,
    group: int = 0,
    run: int = 16,
    folded: tuple[re.Pattern[bytes], ...] = (),
) -> Detector:
    """Tokens with a fixed beginning; the library's patterns stop at a length that newer tokens exceed."""
    compiled = [_ascii(pattern) for pattern in patterns]

    def find(text: str) -> Iterator[Found]:
        for pattern in compiled:
            for match in pattern.finditer(text):
                start, end = match.span(group)
                rest = _REST_OF_RUN.match(text, end)
                value = text[start : rest.end() if rest else end]
                if HAS_LONG_RUN.search(value) and CLEAN_START.match(text, match.start()):
                    yield Found(start, start + len(value), value)

    return Detector(kind, find, needles, run, folded)


def _pattern(kind: str, pattern: str | re.Pattern[str], *needles: bytes, group: int = 0) -> Detector:
    compiled = _ascii(pattern)

    def find(text: str) -> Iterator[Found]:
        return (Found(*match.span(group), match[group]) for match in compiled.finditer(text))

    return Detector(kind, find, needles)


def _ends(word: str, *beginnings: str) -> str:
    """A pattern for ``word`` after one of the beginnings; it starts with literal text, which ``re`` finds fast."""
    after = (f"(?<={beginning}{joint}{word})" for beginning in beginnings for joint in ("", "_", "-"))
    return f"{word}(?![a-z])(?:{'|'.join(after)})"


# A field of this name holds something about the secret and not the secret.
_ABOUT = r"(?![a-z_-]*(?:name|id|at|date|length|count|policy|required|hint|url|type|expiry|expires)(?![a-z]))"
_PASSWORD_NAMES = (
    "passw(?:or)?d",
    "passphrase",
    _ends("pass", "db", "database", "key"),
    "pwd",
    "secret(?!ar|e|i|ly)",
    "contrase[nñÑ]a",
)
_KEY_OWNERS = ("api", "auth", "service", "account", "db", "database", "priv", "private", "client", "access", "signing")
_KEY_NAMES = (_ends("key", *_KEY_OWNERS, "encryption"), "token(?![a-z])")
_AFTER_NAME = re.compile(
    r"""
    (?:[_-]\w{1,20})? (?:\\*["'`\]]){0,3}               # the rest of the name, and what closes it
    (?P<sign> \s*(?::=|=>|={1,3}|!==?|:)\s* | \s+is:?\s+ | \s+ )
    (?: \\*(?P<quote>["'`]) (?P<quoted> (?:(?!(?P=quote))[^"\\\r\n]){4,200} ) \\*(?P=quote)
      | (?P<bare> [^\s"'`,;()\[\]{}<>&|\\]{4,200} (?<![.:?]) ) (?![(\[]) )
    """,
    re.VERBOSE,
)
_FLAG = re.compile(r"(?<![\w-])--?[\w-]*\Z")
_NO_SECRET = re.compile(r"true|false|none|null|undefined|required|optional|string|str|x+", re.IGNORECASE)


def _is_secret(value: str) -> bool:
    stands_for_one = is_templated_secret(value) or is_prefixed_with_dollar_sign(value) or _NO_SECRET.fullmatch(value)
    return not stands_for_one and any(map(str.isalnum, value))


def _is_long_secret(value: str) -> bool:
    """Keys and tokens are issued, so they are long and mixed; "token" has too many other meanings."""
    return HAS_LONG_RUN.search(value) is not None and any(map(str.isdecimal, value)) and _is_secret(value)


def _named(names: Sequence[str], accept: Callable[[str], bool], *needles: bytes, run: int = 0) -> Detector:
    """Values assigned to a name that says what they are, in code, JSON, YAML, shell and prose."""
    key = re.compile(f"(?:{'|'.join(names)}){_ABOUT}", re.IGNORECASE | re.ASCII)
    patterns = [re.compile(name + _ABOUT) for name in names]

    def assigned(text: str, name: re.Match[str], value: re.Match[str]) -> bool:
        sign = value["sign"].strip()
        if not sign and not _FLAG.search(text, max(0, name.start() - 20), name.start()):
            return False
        if value["quoted"]:
            return accept(value["quoted"])
        bare = value["bare"]
        telling = any(map(str.isdecimal, bare)) or (value["sign"] == "=" and bare.isalpha() and len(bare) > 7)
        return telling and accept(bare) and not key.search(bare)

    def find(text: str) -> Iterator[Found]:
        lower = ascii_lower(text)
        for name in chain.from_iterable(pattern.finditer(lower) for pattern in patterns):
            value = _AFTER_NAME.match(text, name.end())
            if value and assigned(text, name, value):
                start, end = value.span("quoted" if value["quoted"] else "bare")
                yield Found(start, end, text[start:end])

    def whole(value: str) -> str | None:
        return value if len(value) >= 4 and accept(value) else None

    return Detector("SECRET", find, needles, run, key=key, whole=whole)


_PEM_END = r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
_PEM = (
    rf'-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[^"]{{0,10000}}?{_PEM_END}|(?:[A-Za-z0-9+/=:,.\s-]|\\[nr])*)'
)

_GITLAB_PREFIXES = (
    *(b"glpat-", b"gldt-", b"glft-", b"glsoat-", b"glrt-", b"glcbt-", b"glimt-", b"glptt-", b"glagent-", b"gloas-"),
    b"gr0000000",
)

CREDENTIALS = (
    _pattern("PRIVATE_KEY", _PEM, b"-----begin"),
    _pattern("PRIVATE_KEY", r'PuTTY-User-Key-File-\d:[^"]*', b"putty-user-key-file"),
    _token("ANTHROPIC_KEY", [r"sk-ant-[\w-]{16,}"], b"sk-ant-"),
    _token("OPENAI_KEY", [r"sk-(?!ant-)(?=[\w-]{0,200}\d)[\w-]{20,}"], b"sk-"),
    _token("AWS_KEY", AWSKeyDetector.denylist[:1], b"akia", b"asia", b"abia", b"acca", b"a0t"),
    _token("AWS_SECRET", AWSKeyDetector.denylist[1:], b"aws", group=1),
    _token(
        "GITHUB_TOKEN",
        [*GitHubTokenDetector.denylist, r"github_pat_\w{22,}"],
        b"ghp_",
        b"gho_",
        b"ghu_",
        b"ghs_",
        b"ghr_",
        b"github_pat_",
    ),
    _token("GITLAB_TOKEN", GitLabTokenDetector.denylist, *_GITLAB_PREFIXES),
    _token("SLACK_TOKEN", SlackDetector.denylist, b"xox", b"hooks.slack.com"),
    _token("STRIPE_KEY", [*StripeDetector.denylist, r"[rs]k_test_[0-9a-zA-Z]{16}"], b"k_live_", b"k_test_"),
    _token("GOOGLE_KEY", [r"AIza[\w-]{35}"], b"aiza"),
    _token("HUGGINGFACE_TOKEN", [r"hf_[A-Za-z0-9]{30}"], b"hf_"),
    _token(
        "TWILIO_KEY",
        TwilioKeyDetector.denylist,
        run=34,
        folded=(re.compile(rb"ac[a-z0]{32}"), re.compile(rb"sk[a-z0]{32}")),
    ),
    _token("SENDGRID_KEY", SendGridDetector.denylist, b"sg."),
    _token("NPM_TOKEN", [r"npm_[A-Za-z0-9]{36}"], b"npm_"),
    _token("NPM_TOKEN", [r"_authToken=\s*([\w-]{16,})"], b"_authtoken=", group=1),
    _token("PYPI_TOKEN", PypiTokenDetector.denylist, b"pypi-"),
    _token("AZURE_KEY", AzureStorageKeyDetector.denylist, b"accountkey="),
    _token(
        "DISCORD_TOKEN", DiscordBotTokenDetector.denylist, run=27, folded=(re.compile(rb"\.[a-z0_-]{6}\.[a-z0_-]{27}"),)
    ),
    _token("TELEGRAM_TOKEN", TelegramBotTokenDetector.denylist, b"00000000:"),
    _token("MAILCHIMP_KEY", MailchimpDetector.denylist, b"-us0"),
    _token("SQUARE_TOKEN", SquareOAuthDetector.denylist, b"sq0csp-"),
    # The library's pattern leaves the signature in place.
    _token("JWT", [r"eyJ[\w=-]{13,4096}\.eyJ[\w=-]*(?:\.[\w=-]*)?"], b".eyj"),
    _token("BEARER_TOKEN", [r"(?i:bearer)\s+((?=[\w.~+/-]{0,200}\d)[\w.~+/-]{16,}=*)"], b"bearer", group=1),
    _token("BASIC_AUTH", [r"(?i:authorization\W{1,6}basic)\s+([A-Za-z0-9+/]{16,}=*)"], b"authorization", group=1),
    _pattern("URL_PASSWORD", BasicAuthDetector.denylist[0], b"@", group=1),
    _named(
        _PASSWORD_NAMES,
        _is_secret,
        *(b"passw", b"passp", b"_pass", b"bpass", b"epass", b"ypass", b"pwd", b"secret", b"contrase"),
    ),
    _named(_KEY_NAMES, _is_long_secret, b"key", b"token", run=16),
)
"""In the order in which equal spans are settled: the most specific first."""
