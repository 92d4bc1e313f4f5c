//! The files that pages load, built into the program. Their names carry a hash of their content, so that a browser may
//! keep them for ever and a new release is seen at once.

use std::sync::LazyLock;

use aws_lc_rs::digest;

/// A file that is served as it is.
#[derive(Debug)]
pub struct Asset {
    /// Where it is served, such as `/assets/causeway.1f3a5c7e9b2d4f60.css`.
    pub path: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

/// The one stylesheet.
pub fn stylesheet() -> &'static Asset {
    static ASSET: LazyLock<Asset> = LazyLock::new(|| {
        Asset::new("causeway", "css", "text/css; charset=utf-8", include_bytes!("assets/causeway.css"))
    });
    &ASSET
}

/// The mark in the masthead, also the icon of a tab.
pub fn mark() -> &'static Asset {
    static ASSET: LazyLock<Asset> =
        LazyLock::new(|| Asset::new("mark", "svg", "image/svg+xml", include_bytes!("assets/mark.svg")));
    &ASSET
}

/// The one script, for the pages that ask a browser for a passkey.
pub fn passkey_script() -> &'static Asset {
    static ASSET: LazyLock<Asset> = LazyLock::new(|| {
        Asset::new("passkeys", "js", "text/javascript; charset=utf-8", include_bytes!("assets/passkeys.js"))
    });
    &ASSET
}

/// All assets, for the door that serves them.
pub fn all() -> [&'static Asset; 3] {
    [stylesheet(), mark(), passkey_script()]
}

impl Asset {
    fn new(name: &str, extension: &str, media_type: &'static str, bytes: &'static [u8]) -> Self {
        let hash = digest::digest(&digest::SHA256, bytes);
        let short: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { path: format!("/assets/{name}.{short}.{extension}"), media_type, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asset, all};

    #[test]
    fn another_content_gets_another_name() {
        let name = |bytes| Asset::new("causeway", "css", "text/css", bytes).path;
        assert_ne!(name(b"a{}"), name(b"b{}"));
    }

    #[test]
    fn assets_load_nothing_and_bring_nothing_to_run() {
        for asset in all() {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            let outside = text.replace("http://www.w3.org/2000/svg", "");
            for forbidden in
                ["http:", "https:", "//", "url(", "@import", "<script", "javascript", "eval", "fetch", "innerHTML"]
            {
                assert!(!outside.contains(forbidden), "{} holds {forbidden}", asset.path);
            }
        }
    }
}
