//! Cross-process rendering.
