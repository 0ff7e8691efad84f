//! QEMU's control channel (QMP): commands in, answers and events out, each a line of JSON.
//!
//! The workbench listens on the loopback interface and QEMU connects, which
//! needs no files and works alike on every system.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::mpsc::Sender,
    thread,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Where QEMU shall connect to.
pub struct Listener(TcpListener);

impl Listener {
    /// Listens on a free port.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn open() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        Ok(Self(listener.context("listening for QEMU")?))
    }

    /// QEMU's argument for `-qmp`.
    ///
    /// # Errors
    ///
    /// Where the port is not known.
    pub fn argument(&self) -> Result<String> {
        Ok(format!("tcp:{}", self.0.local_addr()?))
    }

    /// Waits in a thread for QEMU to connect, and passes on everything that it says.
    ///
    /// `say` makes what goes through `to` of QEMU's words, of which the first is [`Said::Ready`].
    pub fn follow<T: Send + 'static>(
        self,
        to: Sender<T>,
        say: impl Fn(Said) -> T + Send + 'static,
    ) {
        thread::spawn(move || {
            // Either end may close at any time: then there is nothing more to pass on.
            let _ = pass_on(&self.0, |said| to.send(say(said)).is_ok());
        });
    }
}

/// What QEMU says.
pub enum Said {
    /// It is connected and takes commands.
    Ready(Commands),
    /// An answer to a command: its name, and what it returned or why it failed.
    Answer(String, Result<Value, String>),
    /// Something happened: the event's name.
    Event(String),
}

fn pass_on(listener: &TcpListener, pass: impl Fn(Said) -> bool) -> Result<()> {
    let (stream, _) = listener.accept()?;
    let commands = Commands(stream.try_clone()?);
    let mut ready = Some(commands);
    for line in BufReader::new(stream).lines() {
        let mut said: Value = serde_json::from_str(&line?)?;
        let said = if said.get("QMP").is_some() {
            let Some(mut commands) = ready.take() else {
                bail!("a second greeting")
            };
            commands.send("qmp_capabilities", &json!({}))?;
            Said::Ready(commands)
        } else if let Some(event) = said["event"].as_str() {
            Said::Event(event.to_owned())
        } else {
            let name = said["id"].as_str().unwrap_or_default().to_owned();
            let why = said["error"]["desc"].as_str().map(str::to_owned);
            Said::Answer(name, why.map_or_else(|| Ok(said["return"].take()), Err))
        };
        if !pass(said) {
            break;
        }
    }
    Ok(())
}

/// Sends commands to QEMU.
pub struct Commands(TcpStream);

impl Commands {
    /// Sends one; the answer comes as [`Said::Answer`].
    ///
    /// # Errors
    ///
    /// Where QEMU is gone.
    pub fn send(&mut self, command: &str, arguments: &Value) -> Result<()> {
        self.send_named(command, arguments, command)
    }

    /// As [`Commands::send`], and the answer has that name.
    ///
    /// # Errors
    ///
    /// Where QEMU is gone.
    pub fn send_named(&mut self, command: &str, arguments: &Value, name: &str) -> Result<()> {
        let line = json!({ "execute": command, "arguments": arguments, "id": name });
        writeln!(self.0, "{line}").with_context(|| format!("sending {command} to QEMU"))
    }

    /// Sends a command of the monitor that people use.
    ///
    /// # Errors
    ///
    /// Where QEMU is gone.
    pub fn monitor(&mut self, line: &str) -> Result<()> {
        self.send("human-monitor-command", &json!({ "command-line": line }))
    }
}
