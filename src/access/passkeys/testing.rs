//! An authenticator in software, for unit tests: it makes passkeys and uses them, and says what a dishonest one would.

use std::cell::Cell;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::ceremony::{Ceremonies, Holder, Registration};
use super::enrolment;
use crate::access::second_factors::enrolment::Enrolled;
use crate::access::testing::World;
use crate::store::passkeys::PasskeyRow;
use crate::values::ids::AccountId;
use crate::values::operation::Operation;

/// Where the gateway of the tests is.
pub const GATEWAY: &str = "https://id.example";

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const BACKED_UP: u8 = 0x08 | 0x10;
const HAS_CREDENTIAL: u8 = 0x40;

/// One passkey, and the browser before it. Each field can be made to lie.
pub struct Authenticator {
    key: EcdsaKeyPair,
    /// Its name.
    pub credential_id: Vec<u8>,
    /// Whose it says that it is.
    pub user: Vec<u8>,
    /// Where the browser says that it is.
    pub origin: &'static str,
    /// Whether the page stands in a frame of another one.
    pub is_framed: bool,
    /// Whether it has verified the person.
    pub verifies: bool,
    /// Whether its keys go to other devices.
    pub is_synced: bool,
    /// How often it was used; 0 of one that does not count.
    pub counter: Cell<u32>,
}

/// What asks browsers in the tests.
pub fn ceremonies() -> Ceremonies {
    Ceremonies::new(&GATEWAY.parse().unwrap()).unwrap()
}

impl Authenticator {
    /// A fresh one that counts, with this name.
    pub fn new(name: &str) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            credential_id: name.as_bytes().to_vec(),
            user: Vec::new(),
            origin: GATEWAY,
            is_framed: false,
            verifies: true,
            is_synced: false,
            counter: Cell::new(1),
        }
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        let challenge = &options["publicKey"]["challenge"];
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.is_framed })
            .to_string()
    }

    fn data(&self, rp: &Value, more: u8) -> Vec<u8> {
        let mut flags = PRESENT | more;
        flags |= if self.verifies { VERIFIED } else { 0 };
        flags |= if self.is_synced { BACKED_UP } else { 0 };
        let mut data = digest(&SHA256, rp.as_str().unwrap().as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.get().to_be_bytes());
        data
    }

    /// Makes the passkey that is asked for.
    pub fn make(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        self.user = URL_SAFE_NO_PAD.decode(options["publicKey"]["user"]["id"].as_str().unwrap()).unwrap();
        let mut data = self.data(&options["publicKey"]["rp"]["id"], HAS_CREDENTIAL);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.credential_id.len()).unwrap().to_be_bytes());
        data.extend(&self.credential_id);
        let point = self.key.public_key().as_ref();
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..]);
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(data);
        json!({
            "id": spelled(&self.credential_id), "rawId": spelled(&self.credential_id), "type": "public-key",
            "response": {
                "attestationObject": spelled(&object),
                "clientDataJSON": spelled(self.client_data("webauthn.create", &options).as_bytes()),
            },
            "extensions": { "credProps": { "rk": true } },
        })
        .to_string()
    }

    /// Uses the passkey.
    pub fn answer(&self, options: &str) -> String {
        if self.counter.get() > 0 {
            self.counter.set(self.counter.get() + 1);
        }
        let options: Value = serde_json::from_str(options).unwrap();
        let said = self.client_data("webauthn.get", &options);
        let data = self.data(&options["publicKey"]["rpId"], 0);
        let signed = [data.as_slice(), digest(&SHA256, said.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let user = (!self.user.is_empty()).then(|| spelled(&self.user));
        json!({
            "id": spelled(&self.credential_id), "rawId": spelled(&self.credential_id), "type": "public-key",
            "response": {
                "authenticatorData": spelled(&data), "clientDataJSON": spelled(said.as_bytes()),
                "signature": spelled(signature.as_ref()), "userHandle": user,
            },
        })
        .to_string()
    }

    /// What the gateway would keep of it, for nobody yet.
    pub fn row(&mut self, op: &Operation) -> PasskeyRow {
        let account = op.new_id();
        let asked = ceremonies().ask_for_new(&Holder { account, label: "x", credentials: &[] }).unwrap();
        let user = self.user.clone();
        let answer = Registration::parse(&self.make(&asked.options)).unwrap();
        self.user = user;
        let made = ceremonies().read_new(&asked.state, &answer).unwrap();
        PasskeyRow {
            id: op.new_id(),
            account_id: account,
            credential_id: made.credential_id,
            credential: made.credential,
            name: "A key".to_owned(),
            created_at: op.at,
            confirmed_at: op.at,
            last_used_at: None,
        }
    }

    /// Makes a passkey of `account` and adds it, past what proves who is there.
    pub async fn enrol(&mut self, world: &World, account: AccountId) -> Enrolled {
        let ceremonies = ceremonies();
        let asked = ceremonies.ask_for_new(&Holder { account, label: "somebody", credentials: &[] }).unwrap();
        let answer = Registration::parse(&self.make(&asked.options)).unwrap();
        let made = ceremonies.read_new(&asked.state, &answer).unwrap();
        let (op, name) = (world.op(), "A key".parse().unwrap());
        world.store().write(move |tx| enrolment::add(tx, &op, account, &made, &name, 10)).await.unwrap()
    }
}

fn spelled(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
