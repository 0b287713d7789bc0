use std::fmt;

/// What a channel holds, as the runtime serialized it.
///
/// `Debug` shows the type tag and the size, never the bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ChannelValue {
    /// How the bytes are to be read, such as `msgpack`: 1 to 64 bytes, no control characters.
    pub type_tag: String,
    /// The value: at most 64 MiB.
    pub bytes: Vec<u8>,
}

impl ChannelValue {
    /// The most bytes of one value: 64 MiB.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;
    /// The most bytes of the values of one call: 256 MiB.
    pub const MAX_BYTES_OF_A_CALL: usize = 256 * 1024 * 1024;

    /// Makes a value.
    #[must_use]
    pub fn new(type_tag: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { type_tag: type_tag.into(), bytes: bytes.into() }
    }
}

impl fmt::Debug for ChannelValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelValue({:?}, {} bytes)", self.type_tag, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_size_and_not_the_bytes() {
        let value = ChannelValue::new("json", *b"hunter2");
        assert_eq!(format!("{value:?}"), "ChannelValue(\"json\", 7 bytes)");
    }
}
