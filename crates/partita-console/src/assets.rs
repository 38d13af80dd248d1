//! Style, script and picture, compiled in. Their URLs hold a hash of the content, so that a browser may keep them for ever.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::LazyLock;

pub(crate) struct Asset {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) content: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, content: &'static str) -> Self {
        let mut hash = String::with_capacity(16);
        for byte in &Sha256::digest(content)[..8] {
            let _ = write!(hash, "{byte:02x}");
        }
        Self { name: format!("{stem}-{hash}.{extension}"), kind, content }
    }

    pub(crate) fn url(&self) -> String {
        format!("/console/assets/{}", self.name)
    }
}

pub(crate) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console", "css", "text/css; charset=utf-8", include_str!("../assets/console.css")));

pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console", "js", "text/javascript; charset=utf-8", include_str!("../assets/console.js"))
});

pub(crate) static FAVICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("favicon", "svg", "image/svg+xml", include_str!("../assets/favicon.svg")));

/// The asset of a name with the right hash.
pub(crate) fn find(name: &str) -> Option<&'static Asset> {
    [&*STYLE, &*SCRIPT, &*FAVICON].into_iter().find(|asset| asset.name == name)
}
