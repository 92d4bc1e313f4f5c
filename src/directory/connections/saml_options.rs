//! What an organization demands of its SAML provider beyond what is always demanded.

use serde::{Deserialize, Serialize};

use crate::protocol::saml::assertion::Encryption;

/// The options of one SAML connection. Those of a new one demand nothing more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamlOptions {
    /// The level of IPSIE's session lifecycle that the connection is held to, which may demand more than the rest says.
    pub ipsie_level: Option<IpsieLevel>,
    /// Assertions have to be encrypted.
    pub requires_encryption: bool,
}

/// A level of IPSIE's session lifecycle; each includes the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpsieLevel {
    /// "Assertions in the front channel MUST be encrypted."
    Sl1,
    /// "MUST NOT accept unsolicited assertions."
    Sl2,
}

impl IpsieLevel {
    /// The level with this number.
    pub const fn parse(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Sl1),
            2 => Some(Self::Sl2),
            _ => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Sl1 => 1,
            Self::Sl2 => 2,
        }
    }
}

impl SamlOptions {
    /// Whether an assertion has to be encrypted.
    pub fn encryption(&self) -> Encryption {
        if self.requires_encryption || self.ipsie_level.is_some() { Encryption::Required } else { Encryption::Optional }
    }
}

#[cfg(test)]
mod tests {
    use super::{IpsieLevel, SamlOptions};
    use crate::protocol::saml::assertion::Encryption;

    #[test]
    fn every_level_of_ipsie_demands_encryption() {
        assert_eq!(SamlOptions::default().encryption(), Encryption::Optional);
        assert_eq!(
            SamlOptions { requires_encryption: true, ..SamlOptions::default() }.encryption(),
            Encryption::Required
        );
        for level in [IpsieLevel::Sl1, IpsieLevel::Sl2] {
            let options = SamlOptions { ipsie_level: Some(level), ..SamlOptions::default() };
            assert_eq!(options.encryption(), Encryption::Required);
            assert_eq!(IpsieLevel::parse(level.number()), Some(level));
        }
    }
}
