"""A file's name and text → whether it holds a secret: then it is neither indexed nor shown to a model.

It errs on the side of silence: a source file too many left out costs a few suggestions. Placeholders and references to
a secret kept elsewhere are not secrets.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

_NAMES = (
    *(".env", ".env.*", "*.env", ".envrc", ".flaskenv"),
    *("*.pem", "*.key", "*.pfx", "*.p12", "*.p8", "*.jks", "*.keystore", "*.ppk", "*.asc", "*.gpg", "*.kdbx", "*.kdb"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "ssh_host_*_key"),
    *("credentials", "credentials.*", "*_credentials.*", "*-credentials.*", "client_secret*.json"),
    *("secret", "secret.*", "secrets", "secrets.*", "*_secrets.*", "*-secrets.*", "service-account*.json"),
    *(".netrc", "_netrc", ".npmrc", ".yarnrc*", ".pypirc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials"),
    *(".dockercfg", "kubeconfig", "*.kubeconfig", ".boto", ".s3cfg", ".vault-token", "wp-config.php"),
    *("*.tfvars", "*.tfvars.json", "*.tfstate", "*.tfstate.backup", "*.ovpn", "local.settings.json", "master.key"),
)
"""File names as ``fnmatch`` patterns, in lower case: where tools and people keep keys and passwords."""

_SOURCE_ANYWAY = frozenset(
    {"py", "pyi", "js", "ts", "tsx", "jsx", "go", "rs", "java", "c", "h", "cpp", "hpp", "cs", "rb"}
)
"""Endings of program text: ``secrets.py`` of a library defines how secrets are handled. Its text decides."""

_FOLDERS = frozenset({".ssh", ".gnupg", ".aws", ".kube", ".docker", ".azure", ".secrets"})

_BASE64_RUN = r"[A-Za-z0-9+/=_-]"

_TOKENS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # A key's first line alone is what a program looks for; with lines of base64 behind it, it is the key.
    ("PRIVATE KEY", re.compile(rf"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----[\s\S]{{0,300}}?{_BASE64_RUN}{{40}}")),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    ("AKIA", re.compile(r"\bAKIA[A-Z2-7]{16}\b(?<!EXAMPLE)")),
    ("ASIA", re.compile(r"\bASIA[A-Z2-7]{16}\b(?<!EXAMPLE)")),
    # https://github.blog/engineering/behind-githubs-new-authentication-token-formats
    *((mark, re.compile(rf"\b{mark}[A-Za-z0-9]{{36,255}}\b")) for mark in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    ("github_pat_", re.compile(r"\bgithub_pat_\w{60,}")),
    ("glpat-", re.compile(r"\bglpat-[\w-]{20,}")),
    # https://docs.slack.dev/authentication/tokens
    ("xox", re.compile(r"\bxox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{20,}")),
    ("xapp-", re.compile(r"\bxapp-\d-[A-Za-z0-9-]{20,}")),
    ("hooks.slack.com", re.compile(r"hooks\.slack\.com/services/T\w{8,}/B\w{8,}/\w{20,}")),
    # https://cloud.google.com/docs/authentication/api-keys
    ("AIza", re.compile(r"\bAIza[\w-]{35}(?![\w-])")),
    ("GOCSPX-", re.compile(r"\bGOCSPX-[\w-]{28}")),
    ("ya29.", re.compile(r"\bya29\.[\w-]{30,}")),
    # https://docs.stripe.com/keys
    *((mark, re.compile(rf"\b{mark}[A-Za-z0-9]{{16,}}")) for mark in ("sk_live_", "sk_test_", "rk_live_", "rk_test_")),
    ("whsec_", re.compile(r"\bwhsec_[A-Za-z0-9+/]{32,}")),
    ("sk-", re.compile(r"\bsk-(?:ant-|proj-|or-)?(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{32,}")),
    ("hf_", re.compile(r"\bhf_[A-Za-z]{34}\b")),
    ("npm_", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("pypi-", re.compile(r"\bpypi-AgE[\w-]{50,}")),
    ("SG.", re.compile(r"\bSG\.[\w-]{22}\.[\w-]{43}")),
    ("dop_v1_", re.compile(r"\bdop_v1_[a-f0-9]{64}\b")),
    ("AccountKey=", re.compile(r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}")),
    # A signed JSON Web Token, RFC 7519: two base64url objects and a signature.
    ("eyJ", re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}")),
)
"""What each kind of token surely contains, which is quick to look for, and how all of it looks."""

_WORDS = (
    "passw",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "accesskey",
    "auth",
    "private_key",
)

_ASSIGNED = re.compile(
    r"(?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|auth)"
    r"""[\w-]{0,30}["'`]?\]?\s{0,8}(?::=|=>|[:=])\s{0,8}(?:[\w.]{1,30}\()?["'`]([^\s"'`]{12,512})["'`]""",
    re.IGNORECASE,
)

_IN_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'`<>{}$]{1,64}:([^\s/@\"'`]{6,128})@[\w.-]+")

_PLACEHOLDER = re.compile(
    r"\$[({A-Z_]|[{}<>]|%[(sd]|\.\.\.|x{4}|\*{3}|1234|example|placeholder|change|dummy|sample|your|test|fake|passw|secret|redacted",
    re.IGNORECASE,
)

_PARTS = re.compile(r"[-_./:+;=]+")
_WORDS_AND_NUMBERS = re.compile(r"[a-z]+(?:[-_./:+;=]+[a-z0-9]+)+", re.IGNORECASE)
"""Media types, versions, paths: ``application/vnd.api+json;v=2``."""

MIN_RANDOM = 12
"""Characters. Shorter words of letters and digits are identifiers more often than keys."""

MIN_BITS_PER_CHARACTER = 3.3
"""Shannon entropy of a literal's own characters. Of twelve random letters and digits nearly all have more, and words or
identifiers of that length less; what separates them besides is that random text mixes letters with digits."""


def is_secret_name(path: str) -> bool:
    """Whether a file is known by its name, or the folder it lies in, to hold secrets; ``path`` uses ``/``."""
    *folders, name = PurePosixPath(path.lower()).parts or ("",)
    if not _FOLDERS.isdisjoint(folders):
        return True
    by_pattern = next((pattern for pattern in _NAMES if fnmatchcase(name, pattern)), None)
    if by_pattern is None:
        return False
    written_as_program = name.rpartition(".")[2] in _SOURCE_ANYWAY
    return not (written_as_program and by_pattern.endswith(".*"))


def holds_secret(text: str) -> bool:
    """Whether the text contains a key, a token, or a password written out."""
    if any(mark in text and pattern.search(text) for mark, pattern in _TOKENS):
        return True
    if "://" in text and any(_is_random(found.group(1), 2.5) for found in _IN_URL.finditer(text)):
        return True
    lower = text.lower()
    return any(word in lower for word in _WORDS) and any(
        _is_random(found.group(1), MIN_BITS_PER_CHARACTER) for found in _ASSIGNED.finditer(text)
    )


def _is_random(literal: str, min_bits: float) -> bool:
    """Whether a literal looks drawn at random rather than written to be read."""
    if _PLACEHOLDER.search(literal) or not re.search(r"\d", literal) or not re.search(r"[A-Za-z]", literal):
        return False
    if _WORDS_AND_NUMBERS.fullmatch(literal) and max(map(len, _PARTS.split(literal))) < MIN_RANDOM:
        return False
    return entropy_bits(literal) >= min_bits


def entropy_bits(literal: str) -> float:
    """Bits per character, by how often each character occurs in the literal itself (C. E. Shannon, 1948)."""
    n = len(literal)
    return -sum(count / n * math.log2(count / n) for count in Counter(literal).values())
