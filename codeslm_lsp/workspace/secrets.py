"""A file's name and text → whether it holds a secret: then it is neither indexed nor shown to a model.

It errs on the side of silence: a source file too many left out costs a few suggestions. Placeholders and references to
a secret kept elsewhere are not secrets.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import PurePosixPath

from codeslm_lsp.workspace.secret_tokens import holds_token

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

_QUOTED = re.compile(r"""["'`]([^\s"'`]{8,512})(?=["'`])""")
"""A literal without spaces. The quote behind it is left, so that text between two literals does not cost the second."""

_DIGIT = re.compile(r"\d")

_SUBJECT = re.compile(
    r"(?i:passw(?:or)?d|passphrase|pwd|secret|token|(?:api|access|private)[_-]?key|[_-]key\b|\bkey\b|auth|credential"
    r"|(?:\b|_)salt\b|\bdsn\b)|[a-z]Key\b"
)
"""What a name says that means a secret."""

_BEFORE = re.compile(
    r"""[\w-]{2,64}(?:\[\d*\])?["'`]?[\])]?\s{0,8}"""
    # A type may stand between, as in Go, Rust, TypeScript and Python.
    r"""(?::?[ &]{0,2}(?:'static )?[\w.\[\]]{1,24} ?=|:=|=>|[!=]?={1,2}|[:(]|,(?!\s*\n)|\s)\s{0,8}"""
    r"""(?:[\w.]{0,30}[(\[]\s{0,16})?[bBrRuUfFL@]{0,2}["'`]{0,2}$"""
)
"""``api_key = `` in the ways of many languages: what follows is assigned, compared, a default, or an argument."""

MAX_BEFORE = 120
"""Characters that are looked at before a literal: a long name, a type, a call."""

_BARE = re.compile(
    r"""^[ \t]*(?:export |set |ENV |readonly )?(\w{2,64})=([^\s"'`$;&|()<>,]{8,512})[ \t]*(?:$|[#;])""", re.MULTILINE
)
"""Without quotes, as shells assign."""

_HEADER = re.compile(r"\b(?:Bearer|bearer|Basic|basic) ([A-Za-z0-9+/=_.~-]{20,512})")
"""As HTTP has them (RFC 7617, RFC 6750)."""

_IN_URL = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://(?P<user>[^\s:/@\"'`<>{}$]{0,64}):(?P<password>[^\s:/@\"'`]{6,128})@(?P<host>[\w.-]+)"
)
_LOCAL = re.compile(r"localhost\b|127\.|0\.0\.0\.0|(?:.+\.)?(?:example|invalid|test|local)(?:\.|$)|\w+$", re.IGNORECASE)
"""Hosts whose passwords are nobody's, or the same everywhere: this machine, reserved names, names of containers."""

_BASE64 = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[A-Za-z0-9+/_-]{40,}={0,2}")
"""Base64 of thirty bytes and more."""

_REFERENCE = re.compile(r"^\$[A-Z_]|\$[({]|\{\{|\{[\w.\[\]()]*\}|<[\w -]+>|%\(", re.IGNORECASE)
"""Something else is put in its place: a variable, or what is to be filled in."""

_EXAMPLE = re.compile(
    r"%[sd]|\.\.\.|x{4,}|\*{3,}|1234|example|placeholder|change|dummy|sample|your|test|fake|password|passw|secret|redacted",
    re.IGNORECASE,
)
"""What stands in examples. A secret may have some of it by chance, or because somebody thought it a good one."""

_PARTS = re.compile(r"[-_./:+;=@,?&#|]+")
_WORDLIKE = re.compile(r"(?:[A-Z]?[a-z]+(?:[A-Z][a-z]+)*|[A-Z]+)\d{0,4}|\d{1,8}[a-z]{0,2}|[a-z]\d{1,3}[a-z]?")
"""A word, camelCase or not, that may be numbered; a number that may have a unit; a version."""

MIN_RANDOM = 12
"""Characters. Shorter words of letters and digits are identifiers more often than keys."""
MIN_PASSWORD = 8
"""Characters of what is called a password, if it has characters of three kinds: shorter ones are examples."""
MIN_KEY = 20
"""Characters of what is only called a key or a salt: those of mappings are shorter."""

MIN_BITS_PER_CHARACTER = 3.3
"""Shannon entropy of a literal's own characters. Of twelve random letters and digits nearly all have more, and words or
identifiers of that length less; what separates them besides is that random text mixes letters with digits."""
MIN_BITS_IN_HEX = 3.0
"""Where there are many characters of an alphabet of sixteen: thirty-two have 3.2 to 3.9."""
MIN_BITS_IN_URL = 2.5
MIN_BITS_BY_ITSELF = 4.5
"""Of a literal whose name says nothing: forty random characters of base64 have 4.5 to 5.2."""

MIN_TURNS, MIN_CAPITALS = 0.25, 0.08
"""Of neighbouring letters, those of which one is large and one small, and those of which both are large. In random text
they are a half and a quarter; camelCase has few of the second, and constants few of the first."""


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
    return (
        holds_token(text)
        or ("://" in text and any(map(_is_login, _IN_URL.finditer(text))))
        or any(
            _is_secret_literal(found[1], text[max(0, found.start() - MAX_BEFORE) : found.start()])
            for found in _QUOTED.finditer(text)
        )
        or any(_is_given(name, value) for name, value in _BARE.findall(text))
        or any(_is_random(each, MIN_BITS_PER_CHARACTER) for each in _HEADER.findall(text))
    )


def _is_login(found: re.Match[str]) -> bool:
    """Whether a URL holds a password that is somebody's."""
    user, password, host = found["user"], found["password"], found["host"]
    if _is_random(password, MIN_BITS_IN_URL):
        return True
    is_shown = _REFERENCE.search(password) or _EXAMPLE.search(password) or password.lower() == user.lower()
    return not (is_shown or _LOCAL.match(host))


def _is_secret_literal(literal: str, before: str) -> bool:
    """Whether a literal is a secret, by how it looks and by what stands before it."""
    if not _may_be_secret(literal):
        return False
    if _SUBJECT.search(before) and (found := _BEFORE.search(before)) is not None and _is_given(found[0], literal):
        return True
    return _BASE64.fullmatch(literal) is not None and _turns(literal) and _is_random(literal, MIN_BITS_BY_ITSELF)


def _may_be_secret(literal: str) -> bool:
    """Quick, because it is asked of every literal in a folder: where this is not true, nothing of what follows is."""
    return _DIGIT.search(literal) is not None or (len(literal) >= MIN_KEY and _turns(literal))


def _is_given(naming: str, literal: str) -> bool:
    """Whether a literal that is named like this is a password, a token, or the like."""
    return any(_is_one(subject[0].lower(), literal) for subject in _SUBJECT.finditer(naming))


def _is_one(subject: str, literal: str) -> bool:
    if subject.startswith(("pass", "pwd")) and len(literal) >= MIN_PASSWORD:
        kinds = ("[a-z]", "[A-Z]", r"\d", r"[^\w.,:/@-]")
        is_mixed = sum(re.search(kind, literal) is not None for kind in kinds) >= 3 and not _reads_as_words(literal)
        if is_mixed and not (_REFERENCE.search(literal) or _EXAMPLE.search(literal)):
            return True
    n_least = MIN_KEY if subject.endswith(("key", "salt")) and len(subject) <= 5 else MIN_RANDOM
    min_bits = MIN_BITS_IN_HEX if len(literal) > MIN_KEY else MIN_BITS_PER_CHARACTER
    return len(literal) >= n_least and _is_random(literal, min_bits)


def _is_random(literal: str, min_bits: float) -> bool:
    """Whether a literal looks drawn at random rather than written to be read."""
    if _REFERENCE.search(literal) or _reads_as_words(literal):
        return False
    if _EXAMPLE.search(literal):  # Then the rest has to be one: a password may be SuperSecret-8fKz2LqpW0.
        literal = _EXAMPLE.sub("", literal)
        if len(literal) < MIN_RANDOM:
            return False
    if not re.search(r"[A-Za-z]", literal):
        return False
    if not (_DIGIT.search(literal) or (len(literal) >= MIN_KEY and _turns(literal))):
        return False
    return entropy_bits(literal) >= min_bits


def _reads_as_words(literal: str) -> bool:
    """Whether it is words and numbers: media types, versions, paths, such as ``application/vnd.api+json;v=2``."""
    parts = [part for part in _PARTS.split(literal) if part]
    return len(parts) > 1 and all(_WORDLIKE.fullmatch(part) and not _turns(part) for part in parts)


def _turns(literal: str) -> bool:
    """Whether large and small letters change places as often as they do by chance."""
    if literal.islower() or literal.isupper():
        return False
    pairs = [(one.isupper(), other.isupper()) for one, other in pairwise(literal) if one.isalpha() and other.isalpha()]
    if len(pairs) < MIN_RANDOM / 2:
        return False
    n_turns, n_capitals = sum(one != other for one, other in pairs), sum(one and other for one, other in pairs)
    return n_turns / len(pairs) >= MIN_TURNS and n_capitals / len(pairs) >= MIN_CAPITALS


def entropy_bits(literal: str) -> float:
    """Bits per character, by how often each character occurs in the literal itself (C. E. Shannon, 1948)."""
    n = len(literal)
    return -sum(count / n * math.log2(count / n) for count in Counter(literal).values())
