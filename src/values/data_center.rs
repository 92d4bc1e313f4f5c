//! The short name of a data center, such as `us` or `eu`. The list of data centers is data, not code (rule A28).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A data center's short name, cheap to clone: 2 to 12 lower-case letters, digits or hyphens, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DataCenter(Arc<str>);

/// The text is not a data center's short name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a data center's name is 2 to 12 lower-case letters, digits or hyphens and starts with a letter")]
pub struct InvalidDataCenter;

impl DataCenter {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DataCenter {
    type Err = InvalidDataCenter;

    fn from_str(text: &str) -> Result<Self, InvalidDataCenter> {
        let well_formed = (2..=12).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if well_formed { Ok(Self(Arc::from(text))) } else { Err(InvalidDataCenter) }
    }
}

impl TryFrom<String> for DataCenter {
    type Error = InvalidDataCenter;

    fn try_from(text: String) -> Result<Self, InvalidDataCenter> {
        text.parse()
    }
}

impl From<DataCenter> for String {
    fn from(name: DataCenter) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for DataCenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::DataCenter;

    #[test]
    fn only_short_lower_case_names_are_data_centers() {
        for good in ["us", "eu", "ap-south-1"] {
            assert!(good.parse::<DataCenter>().is_ok(), "{good}");
        }
        for bad in ["", "u", "US", "1us", "us_east", "a-name-far-too-long"] {
            assert!(bad.parse::<DataCenter>().is_err(), "{bad}");
        }
    }
}
