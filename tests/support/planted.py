"""Files with made-up secrets of many kinds, as people write them. Put together here: no file of ours has one."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

LETTERS = string.ascii_letters + string.digits
URL = LETTERS + "-_"
BASE64 = LETTERS + "+/"
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"
TYPED = LETTERS + "!#%+,-.:=?@^_~"
"""What generators of passwords use, without quotes and spaces."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One file, and what must not leave it."""

    path: str
    text: str
    secret: str


def made_up(n: int, alphabet: str = LETTERS, seed: int = 1) -> str:
    """``n`` random characters, digits among them."""
    draw = random.Random(f"{n} {alphabet} {seed}")
    return "7" + "".join(draw.choice(alphabet) for _ in range(n - 2)) + "3"


def planted(seed: int = 1) -> Iterator[Planted]:
    """One file of each kind."""
    for path, (secret, line) in {**_by_text(seed), **_by_name(seed)}.items():
        yield Planted(path, _around(path, line), secret)


def _by_text(seed: int) -> dict[str, tuple[str, str]]:
    """Program text, which would be indexed: a path, the secret, and the line that holds it."""
    new = partial(made_up, seed=seed)
    key = "\n".join(new(64, BASE64, seed=seed + row) for row in range(1, 13))
    escaped = key.replace("\n", "\\n")
    account = f'"type": "service_account", "private_key": "{_begin("")}\\n{escaped}\\n{_end("")}"'
    jwt = f"{'ey'}J{new(20, URL)}.{'ey'}J{new(40, URL)}.{new(43, URL)}"
    discord = f"M{new(25)}.{new(6, URL)}.{new(38, URL)}"
    telegram = f"{new(9, string.digits)}:A{'A'}{new(33, URL)}"
    found = {
        "aws_key.py": (f"{'AK'}IA{new(16, UPPER)}", 'KEY_ID = "{}"'),
        "aws_secret.ts": (new(40, BASE64), 'const awsSecretAccessKey: string = "{}";'),
        "github.py": (f"{'gh'}p_{new(36)}", "clone(token='{}')"),
        "pem.py": (key, f'PEM = """{_begin("RSA ")}\n{{}}\n{_end("RSA ")}\n"""'),
        "slack.go": (f"{'xo'}xb-{new(12, string.digits)}-{new(24)}", 'var slack = "{}"'),
        "stripe.rb": (f"{'sk'}_live_{new(24)}", 'Stripe.use "{}"'),
        "jwt.py": (jwt, 'send(cookie="{}")'),
        "google.py": (escaped, f"ACCOUNT = {{{{{account.replace(escaped, '{}')}}}}}"),
        "azure.cs": (f"{new(86, BASE64)}==", 'var storage = "DefaultEndpointsProtocol=https;AccountKey={}";'),
        "npm.js": (f"{'np'}m_{new(36)}", 'publish("{}");'),
        "pypi.py": (f"{'py'}pi-AgE{new(80, URL)}", 'upload("__upload__", "{}")'),
        "basic_auth.py": (new(14), 'fetch("https://deploy:{}@builds.corp.net/latest")'),
        "database.py": (new(16, LETTERS + "!~*"), 'connect("postgresql://app:{}@db.internal:5432/app")'),
        "cache.py": (new(20), 'CACHE = "redis://:{}@10.0.0.5:6379/0"'),
        "words.py": ("correct-horse-battery", 'connect("mysql://root:{}@db.corp.net/shop")'),
        "api_key.py": (new(32), 'API_KEY: str = "{}"'),
        "default.py": (new(32), 'token = os.environ.get("API_TOKEN", "{}")'),
        "bytes.py": (new(32), 'client_secret = b"{}"'),
        "compared.py": (new(16), 'if password == "{}":\n    open_door()'),
        "Login.java": (new(18, TYPED), 'String password = "{}";'),
        "short.py": (f"Kd!{new(6)}", "DB_PASSWORD = '{}'"),
        "wordy.py": (f"Super{'Sec'}ret-{new(14)}", 'password = "{}"'),
        "settings.rs": (new(40), 'pub const API_KEY: &str = "{}";'),
        "settings.h": (new(40), '#define API_KEY "{}"'),
        "settings.go": (new(40), 'var apiKey string = "{}"'),
        "settings.php": (new(20), "define('DB_PASSWORD', '{}');"),
        "settings.lua": (new(32, HEX), "config['auth_token'] = '{}'"),
        "openai.py": (f"{'sk'}-proj-{new(48, URL)}", 'OpenAI("{}")'),
        "anthropic.py": (f"{'sk'}-ant-api03-{new(90, URL)}", 'Client("{}")'),
        "sendgrid.php": (f"{'S'}G.{new(22, URL)}.{new(43, URL)}", 'mail("{}");'),
        "twilio.py": (f"S{'K'}{new(32, HEX)}", 'Client("{}")'),
        "twilio_token.py": (new(32, HEX), 'auth_token = "{}"'),
        "discord.js": (discord, 'client.login("{}");'),
        "telegram.py": (telegram, 'Bot("{}")'),
        "hex_key.py": (new(64, HEX), 'SIGNING_KEY = bytes.fromhex("{}")'),
        "base64_key.py": (new(64, BASE64), 'BOX = open_box("{}")'),
        "deploy.sh": (new(24), "export DB_PASSWORD={}"),
        "call.sh": (new(40, URL), "curl -H 'Authorization: Bearer {}' https://corp.net"),
    }
    return {path: (secret, line.format(secret)) for path, (secret, line) in found.items()}


def _by_name(seed: int) -> dict[str, tuple[str, str]]:
    """Files whose names say what is in them."""
    new = partial(made_up, seed=seed)
    secret = new(30)
    lines = {
        ".env": "SALT={}",
        "prod.env": "SALT={}",
        "id_rsa": f"{_begin('OPENSSH ')}\n{{}}",
        ".netrc": "machine corp.net login app {}",
        ".npmrc": "//registry.corp.net/:_auth={}",
        ".pypirc": "[corp]\nusername = {}",
        "credentials": "[default]\naws = {}",
        "credentials.json": '{{"it": "{}"}}',
        "server.pem": "{}",
        "service-account-prod.json": '{{"it": "{}"}}',
        "secrets.yaml": "it: {}",
        "terraform.tfvars": 'it = "{}"',
        ".git-credentials": "https://app:{}@corp.net",
        ".ssh/config.py": 'it = "{}"',
    }
    return {path: (secret, line.format(secret)) for path, line in lines.items()}


def _begin(kind: str) -> str:
    return f"-----BEGIN {kind}PRIVATE KEY-----"


def _end(kind: str) -> str:
    return f"-----END {kind}PRIVATE KEY-----"


def _around(path: str, line: str) -> str:
    """In a Python file, the secret stands in code that is worth showing beside a file that uses it."""
    if not path.endswith(".py"):
        return line + "\n"
    name = path.rpartition("/")[2].removesuffix(".py")
    return (
        f'"""Reports of {name}."""\n\nimport os\n\n\ndef report_of_{name}(rows, width, leaking_{name}=0):\n'
        f'    """Lay out rows by the custom of {name}."""\n'
        f"    return [row.ljust(width) for row in rows]\n\n\n{line}\n"
    )
