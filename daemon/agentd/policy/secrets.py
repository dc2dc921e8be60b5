"""Which paths hold secrets, by their names alone: the table, with what each row guards.

It decides that reading such a place is asked, and that searches over a whole folder pass by. It must never look at the
disk. Pure; called by `decide` and by the tools that search whole folders.
"""

from __future__ import annotations

import re
import unicodedata
from fnmatch import translate
from functools import cache

__all__ = ["SECRETS", "secret"]

SECRETS: tuple[tuple[str, str], ...] = (
    # A row is one name or several in a row, anywhere in a path; what lies below it is meant too.
    (".env*", "environment files hold keys and passwords"),
    ("*.pem", "private keys and certificates"),
    ("*.key", "private keys"),
    ("*.p12", "private keys in a bundle"),
    ("*.pfx", "private keys in a bundle"),
    ("*.jks", "a Java key store"),
    ("*.keystore", "a key store"),
    ("*.kdbx", "a password safe"),
    ("*.ppk", "a private key of PuTTY"),
    ("*.ovpn", "a VPN profile with its key"),
    ("id_rsa*", "an SSH key"),
    ("id_dsa*", "an SSH key"),
    ("id_ecdsa*", "an SSH key"),
    ("id_ed25519*", "an SSH key"),
    ("id_xmss*", "an SSH key"),
    ("ssh_host_*_key", "an SSH host key"),
    (".ssh", "SSH keys and hosts"),
    (".gnupg", "GnuPG keys"),
    (".password-store", "a password safe"),
    (".aws", "AWS credentials"),
    (".azure", "Azure credentials"),
    (".config/gcloud", "Google Cloud credentials"),
    (".config/gh", "GitHub credentials"),
    (".config/hub", "GitHub credentials"),
    (".config/op", "1Password's credentials"),
    (".kube", "Kubernetes credentials"),
    (".docker/config.json", "registry credentials"),
    (".terraform.d/credentials*", "Terraform credentials"),
    (".vault-token", "a Vault token"),
    (".netrc", "passwords of hosts"),
    ("_netrc", "passwords of hosts"),
    (".pgpass", "passwords of databases"),
    (".my.cnf", "passwords of databases"),
    (".git-credentials", "passwords of git hosts"),
    (".npmrc", "a registry token"),
    (".yarnrc.yml", "a registry token"),
    (".pypirc", "a registry token"),
    (".cargo/credentials*", "a registry token"),
    (".gem/credentials", "a registry token"),
    (".htpasswd", "password hashes"),
    ("*credentials*.json", "credentials in a file"),
    ("client_secret*.json", "credentials in a file"),
    ("service-account*.json", "credentials in a file"),
    (".bash_history", "commands with what was typed into them"),
    (".zsh_history", "commands with what was typed into them"),
    (".python_history", "commands with what was typed into them"),
    (".psql_history", "commands with what was typed into them"),
    (".mysql_history", "commands with what was typed into them"),
    ("fish/fish_history", "commands with what was typed into them"),
    (".mozilla", "a browser profile"),
    (".thunderbird", "a mail profile"),
    (".config/google-chrome*", "a browser profile"),
    (".config/chromium", "a browser profile"),
    (".config/BraveSoftware", "a browser profile"),
    (".config/microsoft-edge*", "a browser profile"),
    ("Library/Application Support/Google/Chrome", "a browser profile"),
    ("Library/Application Support/Firefox", "a browser profile"),
    ("Library/Keychains", "the key chain"),
    (".local/share/keyrings", "the key ring"),
    ("etc/shadow*", "password hashes"),
    ("proc/*/environ", "the environment of a process"),
    ("proc/*/mem", "the memory of a process"),
)


def secret(path: str) -> str | None:
    """What is secret about the path, or None. Letters are compared without case: some disks make no difference."""
    found = _table().search("/" + unicodedata.normalize("NFC", path).strip("/") + "/")
    return SECRETS[int(str(found.lastgroup)[1:])][1] if found else None


@cache
def _table() -> re.Pattern[str]:
    """One search for all rows: a search tool asks for each file of a tree."""
    rows = []
    for index, (row, _) in enumerate(SECRETS):
        # fnmatch's star takes slashes too; a name here ends at one.
        names = "/".join(translate(name)[4:-3].replace(".*", "[^/]*") for name in row.split("/"))
        rows.append(f"(?P<r{index}>/{names}/)")
    return re.compile("|".join(rows), re.IGNORECASE | re.DOTALL)
