//! The published vectors of HMAC.

use store_core::workflow::HmacAlgorithm;

use super::super::signature::mac;

const LONG_KEY_DATA: &[u8] = b"Test Using Larger Than Block-Size Key - Hash Key First";

/// Key, data, and the MACs with SHA-256, SHA-384 and SHA-512: RFC 4231, cases 1, 2, 3 and 6.
const RFC_4231: [(&[u8], &[u8], [&str; 3]); 4] = [
    (
        &[0x0b; 20],
        b"Hi There",
        [
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c\
             faea9ea9076ede7f4af152e8b2fa9cb6",
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde\
             daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ],
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        [
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
             8e2240ca5e69e2c78b3239ecfab21649",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ],
    ),
    (
        &[0xaa; 20],
        &[0xdd; 50],
        [
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b\
             2a5ab39dc13814b94e3ab6e101a34f27",
            "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39\
             bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
        ],
    ),
    (
        &[0xaa; 131],
        LONG_KEY_DATA,
        [
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6\
             0c2ef6ab4030fe8296248df163f44952",
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
             6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        ],
    ),
];

/// Key, data and the MAC with SHA-1: RFC 2202, section 3, cases 1, 2, 3 and 6.
const RFC_2202: [(&[u8], &[u8], &str); 4] = [
    (&[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
    (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (&[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
    (&[0xaa; 80], LONG_KEY_DATA, "aa4ae5e15272d00e95705637ce8a3b55ed402112"),
];

#[test]
fn sha2_matches_rfc_4231() {
    let algorithms = [HmacAlgorithm::Sha256, HmacAlgorithm::Sha384, HmacAlgorithm::Sha512];
    for (key, data, macs) in RFC_4231 {
        for (algorithm, expected) in algorithms.into_iter().zip(macs) {
            assert_eq!(hex::encode(mac(algorithm, key, &[data]).unwrap()), expected);
        }
    }
}

#[test]
fn sha1_matches_rfc_2202() {
    for (key, data, expected) in RFC_2202 {
        assert_eq!(hex::encode(mac(HmacAlgorithm::Sha1, key, &[data]).unwrap()), expected);
    }
}

#[test]
fn a_message_in_parts_has_the_mac_of_the_whole() {
    let whole = mac(HmacAlgorithm::Sha256, b"key", &[b"17.body"]).unwrap();
    assert_eq!(mac(HmacAlgorithm::Sha256, b"key", &[b"17", b".", b"body"]).unwrap(), whole);
}
