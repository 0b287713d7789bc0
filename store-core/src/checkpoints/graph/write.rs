use super::ChannelValue;
use crate::TaskId;

/// The channels that have an index of their own, whatever their place among the writes of a task.
const SPECIAL: [(&str, i32); 4] =
    [("__error__", -1), ("__scheduled__", -2), ("__interrupt__", -3), ("__resume__", -4)];

/// What a task writes to a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphWrite {
    /// Its place among the writes of the task; below 0 for special channels, of which the last
    /// write counts.
    pub index: i32,
    /// The channel: 1 to 255 bytes, no control characters.
    pub channel: String,
    /// The value.
    pub value: ChannelValue,
}

impl GraphWrite {
    /// Numbers the writes of a task by their place, and those to special channels by the channel:
    /// `__error__` is -1, `__scheduled__` -2, `__interrupt__` -3, `__resume__` -4.
    ///
    /// Of several writes to one special channel the last remains.
    #[must_use]
    pub fn numbered(writes: impl IntoIterator<Item = (String, ChannelValue)>) -> Vec<Self> {
        let mut numbered: Vec<Self> = Vec::new();
        for (place, (channel, value)) in writes.into_iter().enumerate() {
            let special =
                SPECIAL.iter().find(|(name, _)| *name == channel).map(|(_, index)| *index);
            let index = special.unwrap_or_else(|| i32::try_from(place).unwrap_or(i32::MAX));
            if special.is_some() {
                numbered.retain(|write| write.index != index);
            }
            numbered.push(Self { index, channel, value });
        }
        numbered
    }
}

/// A write of a task to a checkpoint, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingWrite {
    /// The task that wrote.
    pub task_id: TaskId,
    /// Where the task stands in the graph: what writes are ordered by.
    pub task_path: String,
    /// Its place among the writes of the task.
    pub index: i32,
    /// The channel.
    pub channel: String,
    /// The value.
    pub value: ChannelValue,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_channels_have_indices_of_their_own() {
        let value = |byte: u8| ChannelValue::new("json", [byte]);
        let writes = ["a", "__resume__", "b", "__error__", "__resume__"]
            .into_iter()
            .zip(0..)
            .map(|(channel, byte)| (channel.to_owned(), value(byte)));
        let numbered = GraphWrite::numbered(writes);
        let seen: Vec<_> =
            numbered.iter().map(|w| (w.index, w.channel.as_str(), w.value.bytes[0])).collect();
        assert_eq!(seen, [(0, "a", 0), (2, "b", 2), (-1, "__error__", 3), (-4, "__resume__", 4)]);
    }
}
