"""Files that hold secrets are told by name or text. All secrets here are made up, and put together so as to be none."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.workspace.secrets import entropy_bits, holds_secret, is_secret_name
from tests.support.planted import UPPER, Planted, made_up, planted


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".env.local", "prod.env", "a/b/.envrc", "server.pem", "SERVER.KEY", "id_rsa", "id_ed25519.pub"),
        *("credentials", "credentials.json", "secrets.yaml", "secrets.toml", "aws-credentials.ini", ".netrc", ".npmrc"),
        *(".pypirc", "terraform.tfvars", "state.tfstate", "vault.kdbx", ".ssh/config", "home/.aws/anything.py"),
        *("client_secret_123.json", "service-account-prod.json", ".htpasswd", "wp-config.php", "local.settings.json"),
    ],
)
def test_names_of_files_with_secrets(path: str) -> None:
    assert is_secret_name(path)


@pytest.mark.parametrize(
    "path",
    [
        "main.py",
        "secrets.py",
        "credentials.ts",
        "environment.py",
        "keys.go",
        "src/secret.rs",
        "tokenizer.py",
        "env.js",
        "",
    ],
)
def test_names_of_other_files(path: str) -> None:
    assert not is_secret_name(path)


@pytest.mark.parametrize(
    "text",
    [
        f"-----BEGIN {'RSA '}PRIVATE KEY-----\n{made_up(64)}\n{made_up(64)}\n",
        f'KEY = """-----BEGIN {"OPENSSH "}PRIVATE KEY-----\n{made_up(70)}\n"""\n',
        f"key = '-----BEGIN {''}PRIVATE KEY-----\\n{made_up(64)}\\n'\n",
        f"-----BEGIN {'RSA '}PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\n{made_up(64)}\n",
        f"aws = '{'AKIA'}{made_up(16, UPPER)}'\n",
        f"token = {'ghp'}_{made_up(36)}\n",
        f"url = https://x:{'github'}_pat_{made_up(70)}@github.com\n",
        f"s = '{'xoxb'}-{made_up(12, string.digits)}-{made_up(24)}'\n",
        f"g = '{'AIza'}{made_up(35)}'\n",
        f"stripe('{'sk'}_live_{made_up(24)}')\n",
        f"client = OpenAI('{'sk'}-proj-{made_up(48)}')\n",
        f"hf = '{'hf'}_{made_up(34, string.ascii_letters).replace('7', 'a').replace('3', 'b')}'\n",
        f"j = '{'eyJ'}{made_up(20)}.{'eyJ'}{made_up(40)}.{made_up(43)}'\n",
        f"password = '{made_up(16)}'\n",
        f'DB_PASSWORD: "{made_up(20)}"\n',
        f'config["api_key"] = "{made_up(32, "0123456789abcdef")}"\n',
        f'const clientSecret = "{made_up(24)}";\n',
        f"postgres{'://'}admin:{made_up(14)}@db.internal:5432/app\n",
        f'"AccountKey={made_up(86)}=="\n',
    ],
)
def test_texts_with_secrets(text: str) -> None:
    assert holds_secret(text)
    assert holds_secret("import os\n\n\ndef main() -> None:\n    pass\n" * 20 + text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "password = input()\n",
        'password = os.environ["DB_PASSWORD_2"]\n',
        'password = "correct horse battery"\n',
        'password = "hunter2"\n',
        'PASSWORD_FIELD = "user_password_v2_confirmation"\n',
        'token = "application/vnd.api+json;v=2"\n',
        'api_key = "<your-api-key-123456>"\n',
        'api_key = "${API_KEY_2_FROM_VAULT}"\n',
        'secret = "projects/12/secrets/main/versions/3"\n',
        'token_url = "https://login.host.org/oauth2/v2.0/token"\n',
        'if line.startswith("-----BEGIN PRIVATE KEY-----"):\n    return parse(line)\n',
        "aws = 'AKIAIOSFODNN7EXAMPLE'\n",
        "url = 'postgres://user:password@localhost/test'\n",
        "url = f'https://{user}:{password1}@{host}'\n",
        "class Token:\n    kind: str = 'identifier'\n    author = 'Somebody1 Else'\n",
        "sk-this-is-a-css-class-name-that-is-rather-long-indeed {}\n",
        'TOKENS = {"<|fim_prefix|>": 151659}\n',
        'names = [\n    "HasKey",\n    "OutputToken",\n    "TextToAudioEarlyStoppingEnum",\n]\n',
        'ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"\n',
        'key = "sha256/of-the-file-2.tar.gz"\n',
        'token = f"{first}.{second}.{third2}"\n',
        "PASSWORD=$1\nexport API_TOKEN=${OTHER_TOKEN_2}\n",
        'headers = {"Authorization": f"Bearer {token2}"}\n',
        "redis://localhost:6379/0\nhttp://proxy:proxy@10.0.0.1\n",
        'set_password("hunter2")\nassert check_password("Password1!")\n',
        'hkey = r"HKLM\\Software\\Python\\PythonCore\\3.11"\n',
        'sort_key = "created_at_2"\nprimary_key = "orders.customer_id_v2"\n',
    ],
)
def test_texts_without_secrets(text: str) -> None:
    assert not holds_secret(text)


@pytest.mark.parametrize("file", list(planted()), ids=lambda file: file.path)
def test_secrets_as_people_write_them(file: Planted) -> None:
    assert is_secret_name(file.path) or holds_secret(file.text)
    assert file.secret in file.text
    without = file.text.replace(file.secret, "")
    assert is_secret_name(file.path) or not holds_secret(without), "it was not the secret"


def test_it_is_not_the_one_example() -> None:
    """Of as many again as there are kinds, and their characters are others."""
    missed = [
        (seed, file.path)
        for seed in range(2, 32)
        for file in planted(seed)
        if not (is_secret_name(file.path) or holds_secret(file.text))
    ]
    assert not missed


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert holds_secret(text) in (True, False)
    assert is_secret_name(text) in (True, False)


def test_entropy() -> None:
    assert entropy_bits("aaaa") == 0
    assert entropy_bits("abcd") == 2
    assert entropy_bits("aabb") == 1
