#!/usr/bin/env python3
"""Makes and checks `vectors.json`: envelopes of the formats `aes256-gcm.v1` and `fernet.v1`.

Both take the SHA-256 of a passphrase for a key, as Orcheo's vault does. Written with the package
`cryptography`; nonces, vectors and times are fixed, so that every run writes the same file.

    python3 vectors.py            writes vectors.json
    python3 vectors.py --check    decrypts every envelope in it
"""

import base64
import hashlib
import json
import pathlib
import sys

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE = pathlib.Path(__file__).with_name("vectors.json")

# 2000-01-01 and the largest number: the age of a token does not count.
TIMES = (946_684_800, 2**63 - 1)

# passphrase, text
CASES = [
    ("correct horse battery staple", "hunter2"),
    ("", "the passphrase is empty"),
    ("k", ""),
    ("пароль 🔑", "geheim ✓ späße 🎉"),
    ("x" * 1000, "sixteen bytes!!!"),
    ("blocks", "fifteen bytes!!"),
    ("json", json.dumps({"access_token": "a" * 300, "refresh_token": None})),
    ("lines", "-----BEGIN KEY-----\n" + "ab/+" * 500 + "\n-----END KEY-----\n"),
]


def key_of(passphrase):
    return hashlib.sha256(passphrase.encode()).digest()


def fernet_of(passphrase):
    return Fernet(base64.urlsafe_b64encode(key_of(passphrase)))


def aes_gcm(passphrase, text):
    nonce = hashlib.sha256(f"nonce/{passphrase}/{text}".encode()).digest()[:12]
    sealed = AESGCM(key_of(passphrase)).encrypt(nonce, text.encode(), None)
    return base64.b64encode(nonce + sealed).decode()


def fernet(passphrase, text, time):
    # The one way to choose the initialization vector.
    vector = hashlib.sha256(f"vector/{passphrase}/{text}".encode()).digest()[:16]
    return fernet_of(passphrase)._encrypt_from_parts(text.encode(), time, vector).decode()


def decrypt(known):
    passphrase, ciphertext = known["passphrase"], known["ciphertext"]
    if known["algorithm"] == "fernet.v1":
        return fernet_of(passphrase).decrypt(ciphertext.encode()).decode()
    data = base64.b64decode(ciphertext, validate=True)
    return AESGCM(key_of(passphrase)).decrypt(data[:12], data[12:], None).decode()


def vectors():
    for index, (passphrase, text) in enumerate(CASES):
        ciphertexts = {
            "aes256-gcm.v1": aes_gcm(passphrase, text),
            "fernet.v1": fernet(passphrase, text, TIMES[index % len(TIMES)]),
        }
        for algorithm, ciphertext in ciphertexts.items():
            yield {
                "algorithm": algorithm,
                "passphrase": passphrase,
                "text": text,
                "ciphertext": ciphertext,
            }


def main():
    if sys.argv[1:] == ["--check"]:
        known = json.loads(FILE.read_text(encoding="utf-8"))
        for each in known:
            assert decrypt(each) == each["text"], each
        print(f"{len(known)} envelopes open")
    elif not sys.argv[1:]:
        content = json.dumps(list(vectors()), ensure_ascii=False, indent=2) + "\n"
        FILE.write_text(content, encoding="utf-8")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
