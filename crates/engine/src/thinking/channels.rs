//! Harmony's headers: `<|start|>assistant<|channel|>analysis<|message|>` and their like.

use crate::limits::HEADER_TOKENS_MAX;
use model::TokenId;
use text::thinking::ChannelIds;

/// Reads the header of one message.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderReader {
    /// What stands behind `<|channel|>`.
    channel: String,
    has_channel: bool,
    token_count: usize,
}

/// What a token said in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// It goes on.
    Waiting,
    /// A thought begins.
    Thought,
    /// The answer begins.
    Answer,
    /// Something else begins: a tool call or a note before it.
    Other,
}

impl HeaderReader {
    /// Takes the next token of a header.
    pub fn push(&mut self, ids: &ChannelIds, token: TokenId, piece: &[u8]) -> Header {
        self.token_count += 1;
        if token == ids.message {
            return match self.channel.trim_start() {
                channel if channel.starts_with("analysis") => Header::Thought,
                channel if channel.starts_with("final") || !self.has_channel => Header::Answer,
                _ => Header::Other,
            };
        }
        if token == ids.channel {
            self.has_channel = true;
            self.channel.clear();
        } else if self.has_channel {
            self.channel.push_str(&String::from_utf8_lossy(piece));
        }
        // What is longer than any header is a text that was written without one.
        match self.token_count > HEADER_TOKENS_MAX {
            true => Header::Answer,
            false => Header::Waiting,
        }
    }
}

/// Whether a token ends a message or begins the next one's header.
pub(crate) fn leaves_message(ids: &ChannelIds, token: TokenId) -> bool {
    [ids.end, ids.start, ids.channel].contains(&token)
}
