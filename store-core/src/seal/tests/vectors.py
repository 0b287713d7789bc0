#!/usr/bin/env python3
"""Makes and checks the known envelopes of `vectors.json`.

Written from docs/sealing.md alone, with the package `cryptography`, so that the Rust code is compared
with something that shares nothing with it.

    python3 vectors.py            writes vectors.json
    python3 vectors.py --check    decrypts every envelope in it, rewrapped or not, and finds it
                                  refused elsewhere
"""

import hashlib
import json
import pathlib
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE = pathlib.Path(__file__).with_name("vectors.json")
MAGIC = bytes.fromhex("50534501")
PLACE = ("table", "id", "field", "version")

# name, key id, table, id, field, version, plaintext
CASES = [
    ("empty plaintext", "k", "credentials", "c-1", "secret", 1, b""),
    ("short text", "2026-11", "credentials", "c-1", "secret", 1, b"hunter2"),
    ("unicode context", "schlüssel-🔑", "zugänge", "späße 🎉", "пароль", 7, "geheim ✓".encode()),
    ("long id", "k" * 255, "chat_items", "i" * 1000, "body", 2, b"a long id"),
    ("smallest version", "k", "graph_state", "g", "value", -(2**63), b"smallest"),
    ("largest version", "k", "graph_state", "g", "value", 2**63 - 1, b"largest"),
    ("empty texts", "k", "t", "", "", 0, b"no id and no field"),
    ("one KiB", "key/with:signs", "webhooks", "w-1", "signing_secret", 3, None),
]


def random_bytes(label, length):
    """Bytes that look random and are the same in every run."""
    blocks = (hashlib.sha256(f"{label}/{i}".encode()).digest() for i in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def text(value):
    data = value.encode()
    return struct.pack(">Q", len(data)) + data


def additional_data(texts, place):
    table, row, field, version = place
    return b"".join(map(text, [*texts, table, row, field])) + struct.pack(">q", version)


def key_data(key_id, place):
    return additional_data(["parallel-stores.seal.v1.key", key_id], place)


def value_data(place):
    return additional_data(["parallel-stores.seal.v1.data"], place)


def check_value(key):
    return hashlib.sha256(b"parallel-stores.seal.v1.check" + key).digest()[:16].hex()


def seal(key_id, key, place, plaintext, data_key, key_nonce, nonce):
    name = key_id.encode()
    # AESGCM.encrypt returns the sealed bytes and, behind them, the tag.
    sealed_key = AESGCM(key).encrypt(key_nonce, data_key, key_data(key_id, place))
    sealed = AESGCM(data_key).encrypt(nonce, plaintext, value_data(place))
    return MAGIC + bytes([len(name)]) + name + key_nonce + sealed_key + nonce + sealed


def rewrap(old_id, old_key, new_id, new_key, key_nonce, place, envelope):
    """Opens and seals the data key alone: from the nonce of the value on, nothing changes."""
    start = len(MAGIC) + 1 + len(old_id.encode())
    sealed_key, behind = envelope[start + 12:start + 60], envelope[start + 60:]
    data_key = AESGCM(old_key).decrypt(envelope[start:start + 12], sealed_key, key_data(old_id, place))
    name = new_id.encode()
    sealed_key = AESGCM(new_key).encrypt(key_nonce, data_key, key_data(new_id, place))
    return MAGIC + bytes([len(name)]) + name + key_nonce + sealed_key + behind


def unseal(key_id, key, place, envelope):
    name = key_id.encode()
    head = MAGIC + bytes([len(name)]) + name
    if not envelope.startswith(head):
        raise ValueError("not an envelope of this key")
    rest = envelope[len(head):]
    key_nonce, sealed_key, nonce, sealed = rest[:12], rest[12:60], rest[60:72], rest[72:]
    data_key = AESGCM(key).decrypt(key_nonce, sealed_key, key_data(key_id, place))
    return AESGCM(data_key).decrypt(nonce, sealed, value_data(place))


def vector(name, key_id, table, row, field, version, plaintext):
    if plaintext is None:
        plaintext = random_bytes(f"{name}/plaintext", 1024)
    key, data_key = (random_bytes(f"{name}/{part}", 32) for part in ("key", "data key"))
    key_nonce, nonce = (random_bytes(f"{name}/{part}", 12) for part in ("key nonce", "nonce"))
    place = (table, row, field, version)
    envelope = seal(key_id, key, place, plaintext, data_key, key_nonce, nonce)
    return {
        "name": name,
        "key_id": key_id,
        "key": key.hex(),
        "check_value": check_value(key),
        **dict(zip(PLACE, place)),
        "data_key": data_key.hex(),
        "key_nonce": key_nonce.hex(),
        "nonce": nonce.hex(),
        "plaintext": plaintext.hex(),
        "envelope": envelope.hex(),
        "rewrapped": rewrapped(name, key_id, key, place, envelope),
    }


def rewrapped(name, key_id, key, place, envelope):
    """The same envelope under another key, whose id has another length."""
    new_id = f"{key_id}-2" if len(key_id) < 200 else "new"
    new_key = random_bytes(f"{name}/new key", 32)
    key_nonce = random_bytes(f"{name}/new key nonce", 12)
    return {
        "key_id": new_id,
        "key": new_key.hex(),
        "key_nonce": key_nonce.hex(),
        "envelope": rewrap(key_id, key, new_id, new_key, key_nonce, place, envelope).hex(),
    }


def opens(sealed, place):
    key, envelope = bytes.fromhex(sealed["key"]), bytes.fromhex(sealed["envelope"])
    try:
        return unseal(sealed["key_id"], key, place, envelope)
    except InvalidTag:
        return None


def check(known):
    place = tuple(known[part] for part in PLACE)
    assert check_value(bytes.fromhex(known["key"])) == known["check_value"], known["name"]
    for sealed in (known, known["rewrapped"]):
        plaintext = opens(sealed, place)
        assert plaintext is not None and plaintext.hex() == known["plaintext"], known["name"]
        for i, value in enumerate(place):
            other = value ^ 1 if isinstance(value, int) else value + "x"
            elsewhere = place[:i] + (other,) + place[i + 1:]
            assert opens(sealed, elsewhere) is None, f"{known['name']} opens with another {PLACE[i]}"


def main():
    if sys.argv[1:] == ["--check"]:
        vectors = json.loads(FILE.read_text(encoding="utf-8"))
        for known in vectors:
            check(known)
        print(f"{len(vectors)} envelopes and their rewrapped forms open where they belong and nowhere else")
    elif not sys.argv[1:]:
        vectors = [vector(*case) for case in CASES]
        content = json.dumps(vectors, ensure_ascii=False, indent=2) + "\n"
        FILE.write_text(content, encoding="utf-8")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
