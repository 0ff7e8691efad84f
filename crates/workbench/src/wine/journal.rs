//! What the drivers wrote into their log, and Wine into its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use vmdisp_ring0_protocol::Image;
use vmdisp_wine_protocol::{Fault, MESSAGE_MARK, Message};

/// Words in Wine's log of what must not happen: a crash, a function that Wine lacks, a reference given back once too
/// often, a bugcheck.
const FORBIDDEN: [&str; 4] = [
    "wine: Unhandled",
    "unimplemented function",
    "ref=4294967295",
    "KeBugCheck",
];

/// What the drivers wrote.
#[derive(Default)]
pub struct Journal {
    /// Lines for programs.
    pub messages: Vec<Message>,
    /// Lines for people.
    pub lines: Vec<String>,
}

impl Journal {
    /// Reads what there is until now; nothing if there is no log.
    pub fn read(path: &Path) -> Self {
        let text = fs::read(path).unwrap_or_default();
        let mut journal = Self::default();
        for line in String::from_utf8_lossy(&text).lines() {
            let message = line
                .strip_prefix(MESSAGE_MARK)
                .and_then(|json| serde_json::from_str(json).ok());
            match message {
                Some(message) => journal.messages.push(message),
                None => journal.lines.push(line.to_owned()),
            }
        }
        journal
    }

    /// The same without the messages that were there before.
    #[must_use]
    pub fn since(mut self, before: usize) -> Self {
        self.messages.drain(..before.min(self.messages.len()));
        self
    }

    /// Where each image was loaded last.
    pub fn images(&self) -> BTreeMap<&str, Image> {
        let images = self.messages.iter().filter_map(|message| match message {
            Message::Image { name, base, size } => Some((
                name.as_str(),
                Image {
                    base: *base,
                    size: *size,
                },
            )),
            _ => None,
        });
        images.collect()
    }

    /// The fault that ended the drivers, if one did.
    pub fn fault(&self) -> Option<&Fault> {
        self.messages.iter().find_map(|message| match message {
            Message::Fault(fault) => Some(fault),
            _ => None,
        })
    }

    /// Why a job could not be done.
    pub fn failed(&self) -> Option<&str> {
        self.messages.iter().find_map(|message| match message {
            Message::Failed(why) => Some(why.as_str()),
            _ => None,
        })
    }

    /// What the main job came to.
    pub fn summary(&self) -> Option<&Value> {
        self.messages.iter().find_map(|message| match message {
            Message::Summary(summary) => Some(summary),
            _ => None,
        })
    }

    /// The port's report of the driver that was unloaded last.
    pub fn unloaded(&self) -> Option<&Value> {
        self.messages
            .iter()
            .rev()
            .find_map(|message| match message {
                Message::Unloaded(report) => Some(report),
                _ => None,
            })
    }

    /// What the driver left when it was unloaded, a line each. Return addresses are written as `<0x…>`.
    pub fn left(&self) -> Vec<String> {
        let left = self.messages.iter().filter_map(|message| match message {
            Message::Left(what) => Some(what.clone()),
            Message::Leaked { tag, bytes, by } => Some(format!(
                "a pool block of {bytes} bytes with tag '{tag}', allocated by {by}"
            )),
            _ => None,
        });
        left.collect()
    }

    /// How many imports of the driver the shim supplies, and how many are Wine's own.
    pub fn bound(&self) -> Option<(usize, usize)> {
        self.messages.iter().find_map(|message| match message {
            Message::Bound { shim, wine } => Some((shim.len(), wine.len())),
            _ => None,
        })
    }

    /// The statuses of requests of Plug and Play by name, in order.
    pub fn requests(&self) -> Vec<(&str, i32)> {
        let requests = self.messages.iter().filter_map(|message| match message {
            Message::Pnp {
                request, status, ..
            } => Some((request.as_str(), *status)),
            _ => None,
        });
        requests.collect()
    }

    /// What drivers registered as, and what they were told, in order.
    pub fn registrations(&self) -> Vec<(&str, u32)> {
        let registrations = self.messages.iter().filter_map(|message| match message {
            Message::Registered { kind, status } => Some((kind.as_str(), status.cast_unsigned())),
            _ => None,
        });
        registrations.collect()
    }
}

/// The lines of Wine's log that must not be there.
pub fn forbidden(path: &Path) -> Vec<String> {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let bad = |line: &&str| FORBIDDEN.iter().any(|words| line.contains(words));
    text.lines().filter(bad).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{Journal, forbidden};

    #[test]
    fn messages_are_told_from_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("log");
        let log = "@@ {\"registered\":{\"kind\":\"full\",\"status\":0}}\nvmdisp: a line\n@@ broken\n\
                   @@ {\"left\":\"a timer\"}\n@@ {\"leaked\":{\"tag\":\"VmdA\",\"bytes\":8,\"by\":\"<0x1>\"}}\n";
        std::fs::write(&file, log).expect("it can be written");
        let journal = Journal::read(&file);
        assert_eq!(journal.registrations(), [("full", 0)]);
        assert_eq!(journal.lines, ["vmdisp: a line", "@@ broken"]);
        assert_eq!(journal.left().len(), 2);
        assert_eq!(Journal::read(&file).since(2).left().len(), 1);
    }

    #[test]
    fn a_crash_in_wines_log_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("log");
        let log = "0024:fixme:ntoskrnl:x semi-stub\nwine: Unhandled page fault on read access\n";
        std::fs::write(&file, log).expect("it can be written");
        assert_eq!(
            forbidden(&file),
            ["wine: Unhandled page fault on read access"]
        );
    }
}
