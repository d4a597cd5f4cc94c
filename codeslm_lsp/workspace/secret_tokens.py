"""Keys and tokens that say by their form whose they are: how each kind looks, wherever in a text it stands."""

from __future__ import annotations

import re

_BASE64 = r"[A-Za-z0-9+/=_-]"
_HEX = "[0-9a-f]"
_WORD = "[A-Za-z0-9]"

_KINDS: tuple[tuple[str, str], ...] = (
    # A key's first line alone is what a program looks for; with lines of base64 behind it, it is the key.
    ("PRIVATE KEY", rf"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----[\s\S]{{0,300}}?{_BASE64}{{40}}"),
    ("PuTTY-User-Key-File-", r"PuTTY-User-Key-File-\d: \S+"),
    ("AGE-SECRET-KEY-", r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}"),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    ("AKIA", r"\bAKIA[A-Z2-7]{16}\b(?<!EXAMPLE)"),
    ("ASIA", r"\bASIA[A-Z2-7]{16}\b(?<!EXAMPLE)"),
    # https://github.blog/engineering/behind-githubs-new-authentication-token-formats
    *((mark, rf"\b{mark}{_WORD}{{36,255}}\b") for mark in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")),
    ("github_pat_", r"\bgithub_pat_\w{60,}"),
    # https://docs.gitlab.com/security/tokens
    *((mark, rf"\b{mark}[\w-]{{20,}}") for mark in ("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-")),
    ("ATATT3", r"\bATATT3[\w-]{60,}"),
    ("ATBB", rf"\bATBB{_WORD}{{32}}\b"),
    # https://docs.slack.dev/authentication/tokens
    ("xox", r"\bxox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{20,}"),
    ("xapp-", r"\bxapp-\d-[A-Za-z0-9-]{20,}"),
    ("hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/T\w{8,}/[AB]\w{8,}/\w{20,}"),
    # https://discord.com/developers/docs/reference#authentication: a number in base64, a time, an HMAC.
    ("", r"\b[MNO][A-Za-z\d]{23,27}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])"),
    ("/api/webhooks/", r"\bdiscord(?:app)?\.com/api/webhooks/\d{17,20}/[\w-]{60,}"),
    # https://core.telegram.org/bots/api#authorizing-your-bot
    (":AA", r"\b\d{8,10}:AA[\w-]{33}(?![\w-])"),
    # https://www.twilio.com/docs/glossary/what-is-an-api-key; the account's own number has the same form.
    ("SK", rf"\bSK{_HEX}{{32}}\b"),
    ("AC", rf"\bAC{_HEX}{{32}}\b"),
    # https://cloud.google.com/docs/authentication/api-keys
    ("AIza", r"\bAIza[\w-]{35}(?![\w-])"),
    ("GOCSPX-", r"\bGOCSPX-[\w-]{28}"),
    ("ya29.", r"\bya29\.[\w-]{30,}"),
    # https://learn.microsoft.com/azure: keys of storage, signatures of links, secrets of applications.
    ("Key=", r"Key=[A-Za-z0-9+/]{42,}={1,2}"),
    ("sig=", r"[?&]sig=[A-Za-z0-9%+/]{40,}(?:%3D|=)"),
    ("8Q~", r"\b[\w.~-]{3}8Q~[\w.~-]{31,34}"),
    # https://docs.stripe.com/keys
    *((mark, rf"\b{mark}{_WORD}{{16,}}") for mark in ("sk_live_", "sk_test_", "rk_live_", "rk_test_")),
    ("whsec_", r"\bwhsec_[A-Za-z0-9+/]{32,}"),
    ("sq0", r"\bsq0(?:atp-[\w-]{22}|csp-[\w-]{43})"),
    # OpenAI, Anthropic, OpenRouter, and others that follow them.
    ("sk-", r"\bsk-(?:ant-|proj-|or-)?(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{32,}"),
    *((mark, rf"\b{mark}{_WORD}{{36,}}\b") for mark in ("gsk_", "r8_", "xai-", "pplx-", "nvapi-", "tvly-")),
    ("hf_", r"\bhf_[A-Za-z]{34}\b"),
    # Packages and images.
    ("npm_", rf"\bnpm_{_WORD}{{36}}\b"),
    ("pypi-", r"\bpypi-AgE[\w-]{50,}"),
    ("rubygems_", rf"\brubygems_{_HEX}{{48}}\b"),
    ("dckr_", r"\bdckr_[a-z]{3}_[\w-]{27,}"),
    # Mail.
    ("SG.", r"\bSG\.[\w-]{22}\.[\w-]{43}"),
    ("key-", rf"\bkey-{_HEX}{{32}}\b"),
    ("-us", rf"\b{_HEX}{{32}}-us\d{{1,2}}\b"),
    ("xkeysib-", rf"\bxkeysib-{_HEX}{{64}}"),
    # Where programs run and are watched.
    *((mark, rf"\b{mark}{_HEX}{{64}}\b") for mark in ("dop_v1_", "doo_v1_", "dor_v1_")),
    ("HRKU-", r"\bHRKU-[\w-]{36,}"),
    ("hvs.", r"\bhv[sb]\.[\w-]{24,}"),
    (".atlasv1.", r"\b\w{14}\.atlasv1\.[\w-]{60,}"),
    ("dapi", rf"\bdapi{_HEX}{{32}}\b"),
    ("glc_", r"\bgl(?:c_[A-Za-z0-9+/]{32,}|sa_\w{32}_)"),
    ("NRAK-", r"\bNRAK-[A-Z0-9]{27}\b"),
    ("sentry.io", rf"\bhttps://{_HEX}{{32}}(?::{_HEX}{{32}})?@[\w.]+\.sentry\.io/\d+"),
    # Shops, designs, lists, tickets.
    ("shp", rf"\bshp(?:at|ca|pa|ss)_{_HEX}{{32}}\b"),
    ("figd_", r"\bfigd_[\w-]{40,}"),
    ("lin_api_", rf"\blin_api_{_WORD}{{40}}\b"),
    ("ntn_", rf"\bntn_{_WORD}{{40,}}\b"),
    ("PMAK-", rf"\bPMAK-{_HEX}{{24}}-{_HEX}{{34}}\b"),
    # A signed JSON Web Token, RFC 7519: two base64url objects and a signature.
    ("eyJ", r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
)
"""What each kind surely contains, which is quick to look for, and how all of it looks."""

_COMPILED = tuple((mark, re.compile(pattern)) for mark, pattern in _KINDS)


def holds_token(text: str) -> bool:
    """Whether a key or a token of a known form stands in the text."""
    return any(mark in text and pattern.search(text) for mark, pattern in _COMPILED)
