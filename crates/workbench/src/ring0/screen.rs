//! What the machine's monitors show: QEMU's screendumps, for the scenarios that ask.
//!
//! The kernel asks one question at a time and waits. A screendump brings the adapter's picture up to
//! date before it is taken, so what the kernel did before it asked is in it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use vmdisp_in_process::pictures;
use vmdisp_ring0_protocol::{Message, Reply};
use vmdisp_scenarios::Picture;

use super::qmp::Commands;
use crate::ppm;

/// QEMU's names for the display devices of a machine, and what is being asked about them.
pub struct Screens {
    ids: Vec<String>,
    /// What pictures of each device are called.
    models: Vec<String>,
    dump: PathBuf,
    asked: Option<Question>,
    /// The name of the command whose answer is awaited.
    sent: Option<String>,
    /// Screendumps so far.
    dumps: u64,
    /// The pictures that were kept.
    kept: Vec<PathBuf>,
    /// Where the machine's memory is written before each screendump.
    memory: Option<PathBuf>,
}

struct Question {
    adapter: u32,
    about: About,
}

enum About {
    /// How the screen differs from a picture.
    Difference(Picture),
    /// Keep it under this name.
    Keep(String),
}

impl Screens {
    /// The screens of these devices, as QEMU's `-device` takes them. Screendumps go into `folder`.
    pub fn new(devices: &[String], folder: &Path) -> Self {
        Self {
            models: models(devices),
            ids: (0..)
                .zip(devices)
                .map(|(n, device)| id(n, device))
                .collect(),
            dump: folder.join("screen.ppm"),
            asked: None,
            sent: None,
            dumps: 0,
            kept: Vec::new(),
            memory: None,
        }
    }

    /// The same, and the machine's memory is written to this file whenever the kernel asks: it waits for
    /// the answer, so nothing changes meanwhile.
    pub fn with_memory(self, file: Option<&Path>) -> Self {
        Self {
            memory: file.map(Path::to_owned),
            ..self
        }
    }

    /// The devices with a name for each, as QEMU's `-device` takes them.
    pub fn arguments<'a>(&'a self, devices: &'a [String]) -> impl Iterator<Item = String> + 'a {
        devices.iter().zip(&self.ids).map(|(device, id)| {
            if given_id(device).is_some() {
                device.clone()
            } else {
                format!("{device},id={id}")
            }
        })
    }

    /// Takes a question, if `message` is one. What comes back at once is that it cannot be answered.
    pub fn ask(&mut self, message: &Message) -> Option<Reply> {
        let question = match message {
            Message::Look { adapter, picture } => {
                let picture = serde_json::from_value(picture.clone()).context("the picture");
                picture.map(|picture| (*adapter, About::Difference(picture)))
            }
            Message::Keep { adapter, name } => Ok((*adapter, About::Keep(name.clone()))),
            _ => return None,
        };
        match question {
            Ok((adapter, _)) if self.ids.get(adapter as usize).is_none() => {
                Some(Reply::Failed(format!("there is no adapter {adapter}")))
            }
            Ok((adapter, about)) => {
                self.asked = Some(Question { adapter, about });
                None
            }
            Err(error) => Some(Reply::Failed(format!("{error:#}"))),
        }
    }

    /// Has QEMU take the screendump that is wanted, if one is and none is being taken.
    pub fn send(&mut self, to: &mut Commands) {
        let (Some(question), None) = (&self.asked, &self.sent) else {
            return;
        };
        if let Some(file) = &self.memory {
            // One after the other: the screendump's answer says that both are done.
            let protocol = format!("file:{}", file.display());
            let arguments = json!({ "paging": false, "protocol": protocol });
            // A QEMU that is gone does not answer the screendump either.
            let _ = to.send("dump-guest-memory", &arguments);
        }
        self.dumps += 1;
        let name = format!("screendump {}", self.dumps);
        let device = self.ids.get(question.adapter as usize);
        let arguments = json!({ "filename": self.dump, "device": device, "head": 0 });
        if to.send_named("screendump", &arguments, &name).is_ok() {
            self.sent = Some(name);
        }
    }

    /// What to tell the kernel, if `answer` is QEMU's to the command named `name` that is awaited.
    pub fn answered(&mut self, name: &str, answer: &Result<Value, String>) -> Option<Reply> {
        if self.sent.as_deref() != Some(name) {
            return None;
        }
        self.sent = None;
        let question = self.asked.take()?;
        let reply = match answer {
            Ok(_) => self.judge(question.adapter, &question.about),
            Err(error) => Err(anyhow::anyhow!("QEMU's screendump: {error}")),
        };
        Some(reply.unwrap_or_else(|error| Reply::Failed(format!("{error:#}"))))
    }

    /// The pictures that were kept.
    pub fn into_kept(self) -> Vec<PathBuf> {
        self.kept
    }

    fn judge(&mut self, adapter: u32, about: &About) -> Result<Reply> {
        let reading = || format!("reading {}", self.dump.display());
        let file = std::fs::read(&self.dump).with_context(reading)?;
        let shown = ppm::read(&file).with_context(reading)?;
        match about {
            About::Difference(picture) => {
                Ok(Reply::Seen(serde_json::to_value(shown.compare(picture))?))
            }
            About::Keep(name) => {
                let device = self.models.get(adapter as usize).map_or("", String::as_str);
                let file = pictures().join(format!("{name}-{device}.png"));
                shown.write_png(&file).map_err(anyhow::Error::msg)?;
                self.kept.push(file);
                Ok(Reply::Kept)
            }
        }
    }
}

/// The name that `-device` gives a device, if it gives one.
fn given_id(device: &str) -> Option<&str> {
    device
        .split(',')
        .find_map(|option| option.strip_prefix("id="))
}

fn id(number: usize, device: &str) -> String {
    given_id(device).map_or_else(|| format!("adapter{number}"), str::to_owned)
}

/// What pictures of each device are called: its model, and a number where there are several.
pub fn models(devices: &[String]) -> Vec<String> {
    let model = |device: &String| device.split(',').next().unwrap_or_default().to_owned();
    let models: Vec<_> = devices.iter().map(model).collect();
    let name = |(at, model): (usize, &String)| {
        let before = models
            .iter()
            .take(at)
            .filter(|other| *other == model)
            .count();
        if before == 0 {
            model.clone()
        } else {
            format!("{model}-{}", before + 1)
        }
    };
    models.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_keeps_the_name_that_it_has() {
        let devices = [
            "VGA,vgamem_mb=64".to_owned(),
            "bochs-display,id=b".to_owned(),
        ];
        let screens = Screens::new(&devices, Path::new("."));
        let arguments: Vec<_> = screens.arguments(&devices).collect();
        assert_eq!(
            arguments,
            ["VGA,vgamem_mb=64,id=adapter0", "bochs-display,id=b"]
        );
        assert_eq!(screens.ids, ["adapter0", "b"]);
    }

    #[test]
    fn pictures_of_two_devices_have_two_names() {
        let devices = ["VGA", "VGA,vgamem_mb=64", "bochs-display", "VGA"].map(str::to_owned);
        assert_eq!(models(&devices), ["VGA", "VGA-2", "bochs-display", "VGA-3"]);
    }

    #[test]
    fn a_question_about_no_adapter_is_answered_at_once() {
        let mut screens = Screens::new(&[], Path::new("."));
        let keep = Message::Keep {
            adapter: 0,
            name: "x".into(),
        };
        assert!(matches!(screens.ask(&keep), Some(Reply::Failed(_))));
        assert!(screens.answered("screendump 1", &Ok(Value::Null)).is_none());
    }
}
