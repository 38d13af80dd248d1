//! Presets, headers and bodies of HTTP.
