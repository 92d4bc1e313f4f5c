//! A recovery code: what a person writes down for the day on which their authenticator app is gone. Eighty random bits, so
//! that a fast hash is enough to keep it by.

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use super::entropy::Entropy;
use super::ids::AccountId;
use super::secret::{Secret, TokenHash};

const BYTES: usize = 10;
/// The letters and digits of one.
const CHARACTERS: usize = 16;

/// A code in its one form: sixteen capital letters and digits of base32. It is not printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryCode(Secret);

impl RecoveryCode {
    /// A fresh one.
    pub fn new(entropy: &Entropy) -> Self {
        let random = Zeroizing::new(entropy.bytes::<BYTES>());
        Self(Secret::from(BASE32_NOPAD.encode(random.as_slice())))
    }

    /// What somebody typed, with or without the dashes, in small letters or capitals. `None` when it cannot be a code.
    pub fn typed(text: &str) -> Option<Self> {
        let kept = text.chars().filter(|character| !matches!(character, ' ' | '-')).take(CHARACTERS + 1);
        let text: String = kept.map(|character| character.to_ascii_uppercase()).collect();
        let is_one = text.len() == CHARACTERS && text.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
        is_one.then(|| Self(Secret::from(text)))
    }

    /// As a person reads it: four groups of four.
    pub fn shown(&self) -> String {
        let mut shown = String::with_capacity(CHARACTERS + 3);
        for (at, character) in self.0.expose().chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                shown.push('-');
            }
            shown.push(character.to_ascii_lowercase());
        }
        shown
    }

    /// What the store keeps of it, which is good for this account only.
    pub fn hash(&self, account: AccountId) -> TokenHash {
        TokenHash::of(&format!("recovery code of {account}: {}", self.0.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::RecoveryCode;
    use crate::values::entropy::Entropy;
    use crate::values::ids::AccountId;

    #[test]
    fn what_is_shown_can_be_typed_in_every_spelling() {
        let code = RecoveryCode::new(&Entropy::new(|buffer| buffer.fill(0xa7)));
        let shown = code.shown();
        assert_eq!((shown.len(), shown.matches('-').count()), (19, 3));
        for typed in
            [shown.clone(), shown.to_uppercase(), shown.replace('-', ""), format!(" {} ", shown.replace('-', " "))]
        {
            assert_eq!(RecoveryCode::typed(&typed).as_ref(), Some(&code), "{typed}");
        }
        for typed in ["", "123456", &shown[..18], &format!("{shown}a"), &shown.replace('u', "1"), &"é".repeat(16)] {
            assert_eq!(RecoveryCode::typed(typed), None, "{typed}");
        }
        assert!(!format!("{code:?}").contains(&shown[..4]));
    }

    #[test]
    fn a_code_is_good_for_its_account_only() {
        let code = RecoveryCode::new(&Entropy::new(|buffer| buffer.fill(3)));
        let account = |n: u8| AccountId::from_bytes(&[n; 16]).unwrap();
        assert!(code.hash(account(1)) == code.hash(account(1)) && code.hash(account(1)) != code.hash(account(2)));
    }
}
