//! Short names of contents.

/// FNV-1a, as text.
pub fn hash(bytes: &[u8]) -> String {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// The tag that storage gives a content.
pub fn etag(content: &[u8]) -> String {
    format!("\"{}\"", hash(content))
}
