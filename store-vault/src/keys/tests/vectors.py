#!/usr/bin/env python3
"""Makes and checks `vectors.json`: keys that known passphrases derive.

Written from docs/sealing.md alone, with the package `cryptography`.

    python3 vectors.py            writes vectors.json
    python3 vectors.py --check    derives every key in it again
"""

import base64
import hashlib
import json
import pathlib
import sys

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

FILE = pathlib.Path(__file__).with_name("vectors.json")

# passphrase, memory in KiB, passes, lanes, bytes of salt
CASES = [
    ("correct horse battery staple", 8, 1, 1, 16),
    ("correct horse battery staple", 64, 3, 4, 8),
    ("geheime Sätze 🔑 mit Ümlauten", 256, 2, 2, 48),
    (" white space counts ", 1024, 1, 16, 16),
    ("the defaults of the crate", 65536, 3, 1, 16),
]


def derive(passphrase, memory, passes, lanes, salt):
    argon2 = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory)
    return argon2.derive(passphrase.encode())


def check_value(key):
    return hashlib.sha256(b"parallel-stores.seal.v1.check" + key).digest()[:16].hex()


def vector(passphrase, memory, passes, lanes, length):
    salt = hashlib.sha512(f"{passphrase}/{memory}".encode()).digest()[:length]
    text = base64.b64encode(salt).decode().rstrip("=")
    return {
        "passphrase": passphrase,
        "derivation": f"$argon2id$v=19$m={memory},t={passes},p={lanes}${text}",
        "check_value": check_value(derive(passphrase, memory, passes, lanes, salt)),
    }


def check(known):
    _, name, version, costs, text = known["derivation"].split("$")
    assert (name, version) == ("argon2id", "v=19")
    memory, passes, lanes = (int(cost[2:]) for cost in costs.split(","))
    salt = base64.b64decode(text + "=" * (-len(text) % 4))
    key = derive(known["passphrase"], memory, passes, lanes, salt)
    assert check_value(key) == known["check_value"], known


def main():
    if sys.argv[1:] == ["--check"]:
        vectors = json.loads(FILE.read_text(encoding="utf-8"))
        for known in vectors:
            check(known)
        print(f"{len(vectors)} passphrases derive their keys")
    elif not sys.argv[1:]:
        vectors = [vector(*case) for case in CASES]
        content = json.dumps(vectors, ensure_ascii=False, indent=2) + "\n"
        FILE.write_text(content, encoding="utf-8")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
