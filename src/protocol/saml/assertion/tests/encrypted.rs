//! Encrypted assertions: what opens, and that encryption vouches for nobody.

use crate::protocol::saml::assertion::{Encryption, Expected};
use crate::protocol::saml::testing::{
    ASSERTION_MARK, Place, RESPONSE_MARK, Sealing, encrypted_assertion, expected, outcome, response, rsa_keys, seal,
    sealed_response, signer, stranger, transport, verify_xml,
};

const GCM_128: &str = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
const GCM_256: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
const OAEP_11: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const SHA_256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const SHA_384: &str = "http://www.w3.org/2001/04/xmldsig-more#sha384";
const SHA_512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";
const MASK_1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
const MASK_256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
const MASK_384: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha384";
const MASK_512: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha512";

/// A response around this encrypted assertion, and signed over it where `place` says.
fn around(sealed: &str, place: Place) -> String {
    let xml = response();
    let start = xml.find("<saml:Assertion ").unwrap();
    let end = xml.find("</saml:Assertion>").unwrap() + "</saml:Assertion>".len();
    let xml = format!("{}{sealed}{}", &xml[..start], &xml[end..]);
    match place {
        Place::Response => signer().sign(&xml.replace(RESPONSE_MARK, &signer().template("_r1"))),
        _ => xml.replace(RESPONSE_MARK, ""),
    }
}

/// The signed assertion alone.
fn signed_assertion() -> String {
    let xml = signer().sign_response(Place::Assertion, &response());
    let start = xml.find("<saml:Assertion ").unwrap();
    xml[start..xml.find("</samlp:Response>").unwrap()].to_owned()
}

#[test]
fn signed_then_encrypted_or_signed_around_it_says_the_same_as_in_the_clear() {
    let plain = verify_xml(&signer().sign_response(Place::Both, &response()), &expected()).unwrap();
    for place in [Place::Assertion, Place::Response, Place::Both] {
        let xml = sealed_response(place, &response(), &Sealing::usual());
        assert_eq!(verify_xml(&xml, &expected()).as_ref(), Ok(&plain), "{place:?}");
    }
}

#[test]
fn each_listed_algorithm_opens_with_each_of_our_keys() {
    let newer = Sealing { transport: OAEP_11, ..Sealing::usual() };
    let cases = [
        Sealing { content: GCM_128, ..Sealing::usual() },
        Sealing { digest: "", ..Sealing::usual() },
        Sealing { digest: SHA_256, ..Sealing::usual() },
        Sealing { digest: SHA_256, mask: MASK_256, ..newer },
        Sealing { digest: SHA_256, mask: "", content: GCM_128, ..newer },
        Sealing { digest: "", mask: MASK_256, content: GCM_256, ..newer },
        Sealing { digest: SHA_384, mask: MASK_1, ..newer },
        Sealing { digest: SHA_256, mask: MASK_384, ..newer },
        Sealing { digest: SHA_512, mask: MASK_512, ..newer },
    ];
    for case in cases {
        for to in rsa_keys() {
            let xml = sealed_response(Place::Assertion, &response(), &Sealing { to, ..case });
            assert_eq!(outcome(&xml, &expected()), "accepted", "{case:?}");
        }
    }
    let old = Expected { decryption_keys: &expected().decryption_keys[..1], ..expected() };
    let to_next = Sealing { to: &rsa_keys()[1], ..Sealing::usual() };
    let xml = sealed_response(Place::Assertion, &response(), &to_next);
    assert_eq!(outcome(&xml, &old), "saml_undecryptable", "a key that is ours no more");
}

/// Padding oracles: Bleichenbacher (rsa-1_5), Jager and Somorovsky (CBC).
#[test]
fn whatever_cannot_be_opened_has_one_answer() {
    let usual = Sealing::usual();
    let named = |content, transport| seal(signed_assertion().as_bytes(), &Sealing { content, transport, ..usual });
    let oaep = usual.transport;
    let key = transport(&[7; 32], &usual);
    let whole = seal(signed_assertion().as_bytes(), &usual);
    let of_length = |length: usize| encrypted_assertion(&usual, &key, &vec![1; length]);
    let cases = [
        ("rsa-1_5", named(GCM_256, "http://www.w3.org/2001/04/xmlenc#rsa-1_5")),
        ("aes128-cbc", named("http://www.w3.org/2001/04/xmlenc#aes128-cbc", oaep)),
        ("aes256-cbc", named("http://www.w3.org/2001/04/xmlenc#aes256-cbc", oaep)),
        ("tripledes-cbc", named("http://www.w3.org/2001/04/xmlenc#tripledes-cbc", oaep)),
        ("aes192-gcm", named("http://www.w3.org/2009/xmlenc11#aes192-gcm", oaep)),
        ("no bytes", of_length(0)),
        ("4 bytes", of_length(4)),
        ("a nonce and half a tag", of_length(20)),
        ("a wrong tag", of_length(64)),
        ("a content key that is too short", encrypted_assertion(&usual, &transport(&[7; 16], &usual), &[1; 64])),
        ("no padding that is one", encrypted_assertion(&usual, &[1; 256], &[1; 64])),
        ("4 bytes of a key", encrypted_assertion(&usual, &[1; 4], &[1; 64])),
        (
            "to somebody else",
            whole
                .replace("<xenc:EncryptedKey>", "<xenc:EncryptedKey Recipient=\"x\"><ds:KeyInfo/>")
                .replace(&whole[whole.find("CipherValue>").unwrap()..][..60], "CipherValue>AAAA"),
        ),
        ("no key", whole.replace("xenc:EncryptedKey", "xenc:CipherData")),
        ("no base64", whole.replace("<xenc:CipherValue>\n", "<xenc:CipherValue>\n=")),
        ("a label", whole.replace("<ds:DigestMethod", "<xenc:OAEPparams>AAAA</xenc:OAEPparams><ds:DigestMethod")),
    ];
    for (name, sealed) in cases {
        for place in [Place::Assertion, Place::Response] {
            let outcome = outcome(&around(&sealed, place), &expected());
            let is_one =
                outcome == "saml_undecryptable" || (name == "a label" && outcome == "saml_gate_encryption_shape");
            assert!(is_one, "{name} {place:?}: {outcome}");
        }
    }
}

/// An attacker who knows the decoy of `encryption::attempt` gains nothing by encrypting under it.
#[test]
fn the_decoy_opens_nothing() {
    let usual = Sealing::usual();
    let mut tag = [0; 16];
    let cipher = openssl::symm::Cipher::aes_256_gcm();
    let plaintext = signed_assertion();
    let sealed =
        openssl::symm::encrypt_aead(cipher, &[0; 32], Some(&[9; 12]), &[], plaintext.as_bytes(), &mut tag).unwrap();
    let content = [&[9; 12][..], &sealed, &tag].concat();
    let xml = around(&encrypted_assertion(&usual, &[1; 256], &content), Place::Assertion);
    assert_eq!(outcome(&xml, &expected()), "saml_undecryptable");
}

/// CVE-2024-4985, CVE-2024-9487: our public key is public.
#[test]
fn an_assertion_that_only_its_encryption_speaks_for_is_refused() {
    let usual = Sealing::usual();
    let unsigned = response().replace(ASSERTION_MARK, "");
    let start = unsigned.find("<saml:Assertion ").unwrap();
    let end = unsigned.find("</saml:Assertion>").unwrap() + "</saml:Assertion>".len();
    let plaintext = &unsigned[start..end];
    let sealed = seal(plaintext.as_bytes(), &usual);
    assert_eq!(outcome(&around(&sealed, Place::Assertion), &expected()), "saml_gate_unsigned");
    let by_stranger =
        stranger().sign(&response().replace(ASSERTION_MARK, &stranger().template("_a1")).replace(RESPONSE_MARK, ""));
    let forged =
        &by_stranger[by_stranger.find("<saml:Assertion ").unwrap()..by_stranger.find("</samlp:Response>").unwrap()];
    assert_eq!(outcome(&around(&seal(forged.as_bytes(), &usual), Place::Assertion), &expected()), "saml_signature");
    // A signature around it that is not the provider's.
    let outer = around(&sealed, Place::Assertion)
        .replace("<samlp:Status>", &format!("{}<samlp:Status>", stranger().template("_r1")));
    assert_eq!(outcome(&stranger().sign(&outer), &expected()), "saml_signature");
    // And none of the signed ciphertext may be exchanged.
    let signed = around(&sealed, Place::Response);
    let other = seal(plaintext.replace("ada@", "eve@").as_bytes(), &usual);
    assert!(signed.contains(&sealed));
    assert_eq!(outcome(&signed.replace(&sealed, &other), &expected()), "saml_signature");
}

/// CVE-2026-2092.
#[test]
fn an_encrypted_assertion_beside_another_one_is_refused() {
    let sealed = seal(signed_assertion().as_bytes(), &Sealing::usual());
    for both in [format!("{sealed}{}", signed_assertion()), format!("{}{sealed}", signed_assertion()), sealed.repeat(2)]
    {
        assert_eq!(outcome(&around(&both, Place::Assertion), &expected()), "saml_gate_several_assertions");
    }
}

#[test]
fn the_plaintext_passes_the_same_gate() {
    let signed = signed_assertion();
    let cases: [(&str, Vec<u8>); 10] = [
        ("saml_gate_encoding", b"\xFF\xFE<".to_vec()),
        ("saml_gate_encoding", [signed.as_bytes(), b"\xFF"].concat()),
        ("saml_gate_doctype", format!("<!-- -->{signed}").into_bytes()),
        ("saml_gate_processing_instruction", format!("<?xml version=\"1.0\"?>{signed}").into_bytes()),
        ("saml_gate_no_assertion", Vec::new()),
        ("saml_gate_content", format!("{signed}x").into_bytes()),
        ("saml_gate_several_assertions", format!("{signed}{}", signed.replace("_a1", "_a2")).into_bytes()),
        ("saml_gate_several_roots", format!("{signed}</samlp:Response><x/>").into_bytes()),
        ("saml_gate_not_well_formed", signed.as_bytes()[..signed.len() - 3].to_vec()),
        ("saml_gate_several_assertions", seal(signed.as_bytes(), &Sealing::usual()).repeat(2).into_bytes()),
    ];
    for (code, plaintext) in cases {
        for place in [Place::Assertion, Place::Response] {
            let xml = around(&seal(&plaintext, &Sealing::usual()), place);
            assert_eq!(outcome(&xml, &expected()), code, "{place:?} {}", String::from_utf8_lossy(&plaintext));
        }
    }
    // Encrypted twice, and a signature of the response inside.
    let twice = seal(seal(signed.as_bytes(), &Sealing::usual()).as_bytes(), &Sealing::usual());
    assert_eq!(outcome(&around(&twice, Place::Assertion), &expected()), "saml_gate_no_assertion");
    let smuggled = format!("{}{signed}", signer().template("_r1"));
    let xml = around(&seal(smuggled.as_bytes(), &Sealing::usual()), Place::Assertion);
    assert_eq!(outcome(&xml, &expected()), "saml_gate_signature_place");
}

#[test]
fn nothing_but_ciphertext_and_its_keys_stands_in_an_encrypted_assertion() {
    let sealed = seal(signed_assertion().as_bytes(), &Sealing::usual());
    let key = &sealed[sealed.find("<xenc:EncryptedKey>").unwrap()..sealed.find("</ds:KeyInfo>").unwrap()];
    let cases = [
        sealed.replace("<ds:KeyInfo>", "<ds:KeyInfo><ds:Signature/>"),
        sealed.replace("<ds:KeyInfo>", "<ds:KeyInfo><ds:Object/>"),
        sealed.replace("<ds:KeyInfo>", "<ds:KeyInfo><ds:RetrievalMethod><ds:Transforms/></ds:RetrievalMethod>"),
        sealed.replace("<ds:KeyInfo>", "<ds:KeyInfo><x/>"),
        sealed.replace("<xenc:CipherValue>\n", "<xenc:CipherReference URI=\"http://x\"/><xenc:CipherValue>\n"),
        sealed.replace(key, &key.repeat(5)),
    ];
    for case in cases {
        assert_eq!(outcome(&around(&case, Place::Assertion), &expected()), "saml_gate_encryption_shape", "{case}");
    }
    let several = sealed.replace(key, &format!("{}{key}", key.replace("<xenc:CipherValue>", "<xenc:CipherValue>AAAA")));
    assert_eq!(outcome(&around(&several, Place::Assertion), &expected()), "accepted", "one for each published key");
}

/// IPSIE: "assertions in the front channel MUST be encrypted".
#[test]
fn a_connection_may_demand_encryption() {
    let strict = Expected { encryption: Encryption::Required, ..expected() };
    assert_eq!(outcome(&signer().sign_response(Place::Both, &response()), &strict), "saml_not_encrypted");
    assert_eq!(outcome(&sealed_response(Place::Assertion, &response(), &Sealing::usual()), &strict), "accepted");
}

/// What is not for us is not decrypted.
#[test]
fn what_stands_around_the_ciphertext_is_checked_before_it() {
    let to_nobody = Sealing { to: &rsa_keys()[1], ..Sealing::usual() };
    let old = Expected { decryption_keys: &expected().decryption_keys[..1], ..expected() };
    let xml = sealed_response(
        Place::Assertion,
        &response().replace("Destination=\"https://sp", "Destination=\"https://x"),
        &to_nobody,
    );
    assert_eq!(outcome(&xml, &old), "saml_destination");
}

#[test]
fn what_is_in_the_ciphertext_is_checked_like_the_rest() {
    let sealed = |from: &str, to: &str| {
        let changed = response().replace(from, to);
        assert_ne!(changed, response());
        [Place::Assertion, Place::Response]
            .map(|place| outcome(&sealed_response(place, &changed, &Sealing::usual()), &expected()))
    };
    assert_eq!(sealed("<saml:Audience>https://sp", "<saml:Audience>https://other"), ["saml_audience"; 2]);
    assert_eq!(sealed("Recipient=\"https://sp", "Recipient=\"https://other"), ["saml_recipient"; 2]);
    assert_eq!(sealed("cm:bearer", "cm:sender-vouches"), ["saml_no_bearer"; 2]);
}
