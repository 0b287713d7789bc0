#!/usr/bin/env python3
"""Makes the seeds of the target `envelope`: whole envelopes, and some that are nearly so.

    pip install cryptography
    python3 store-core/fuzz/seeds.py
"""

import importlib.util
import pathlib
import sys

# The module beside the tests is imported once; nothing is to be left there.
sys.dont_write_bytecode = True

HERE = pathlib.Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("vectors", HERE / "../src/seal/tests/vectors.py")
vectors = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(vectors)

PLACE = ("credentials", "c-1", "secret", 1)


def envelope(key_id, byte, plaintext):
    label = f"fuzz/{key_id}/{len(plaintext)}"
    data_key, nonces = vectors.random_bytes(label, 32), vectors.random_bytes(f"{label}/nonces", 24)
    key = bytes([byte]) * 32
    return vectors.seal(key_id, key, PLACE, plaintext, data_key, nonces[:12], nonces[12:])


def main():
    whole = envelope("old", 1, b"hunter2")
    damaged = whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:]
    seeds = {
        "old-key": whole,
        "new-key": envelope("new", 2, b"hunter2"),
        "empty-value": envelope("old", 1, b""),
        "damaged-value": damaged,
        "truncated": whole[:70],
        "unknown-key": envelope("schlüssel 🔑", 3, b"hunter2"),
        "other-version": whole[:3] + b"\x02" + whole[4:],
    }
    for name, content in seeds.items():
        (HERE / "corpus/envelope" / f"{name}.bin").write_bytes(content)


if __name__ == "__main__":
    main()
