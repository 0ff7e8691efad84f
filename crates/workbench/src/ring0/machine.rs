//! One virtual machine, from its start to its end.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::Value;
use vmdisp_ring0_protocol::{
    DRIVER_FILE, END_MARK, EXIT_PORT, End, MESSAGE_MARK, Message, OPTIONS_FILE, Options, Reply,
};

use super::{
    qmp::{self, Commands, Listener},
    screen::Screens,
};
use crate::toolchain::find_program;

/// QEMU's program for x64 machines.
const QEMU: &str = "qemu-system-x86_64";

/// How long the kernel may take to say where it hangs.
const GRACE: Duration = Duration::from_secs(1);

/// What a machine is made of.
pub struct Machine<'a> {
    /// The kernel.
    pub kernel: &'a Path,
    /// The driver's image; none for a kernel that is not to load one.
    pub driver: Option<&'a Path>,
    /// What the kernel shall do.
    pub options: &'a Options,
    /// Display adapters, each as QEMU's `-device` takes it.
    pub devices: &'a [String],
    /// Count the guest's time in instructions, so that every run takes the same.
    pub icount: bool,
    /// How long the run may take.
    pub limit: Duration,
    /// Where to write its memory, as it is when the kernel asks for the last time what a screen shows.
    pub memory: Option<&'a Path>,
}

/// What became of a run.
#[derive(Default)]
pub struct Outcome {
    /// The kernel's log.
    pub log: Vec<String>,
    /// What it reported.
    pub messages: Vec<Message>,
    /// The end that it announced.
    pub end: Option<End>,
    /// QEMU's exit status.
    pub status: Option<i32>,
    /// What QEMU complained of.
    pub complaints: String,
    /// The machine reset itself: no exception could be handled (a triple fault).
    pub reset: bool,
    /// It took too long.
    pub timed_out: bool,
    /// The instruction pointer where QEMU stopped the machine after a reset or at the limit.
    pub stopped_at: Option<u64>,
    /// How long it took.
    pub took: Duration,
    /// Pictures of its screens that were kept for people.
    pub kept: Vec<PathBuf>,
}

/// What the kernel says.
pub enum Said<'a> {
    /// A line of log.
    Line(&'a str),
    /// A message for programs.
    Message(&'a Message),
}

/// What the threads that listen to a machine pass on.
enum Heard {
    Line(String),
    Silence,
    Control(qmp::Said),
}

/// The program that runs machines.
///
/// # Errors
///
/// Where it is not installed.
pub fn qemu() -> Result<PathBuf> {
    find_program(QEMU).with_context(|| {
        format!("{QEMU} is not installed; `cargo run -- setup` installs it or says how")
    })
}

impl Machine<'_> {
    /// Runs the machine to its end; `hear` gets all that the kernel says, as it comes.
    ///
    /// # Errors
    ///
    /// Where QEMU cannot be started; whatever happens in the machine is in the outcome.
    pub fn run(&self, hear: &mut dyn FnMut(Said<'_>)) -> Result<Outcome> {
        let folder = tempfile::tempdir().context("making a folder for the machine's options")?;
        let options = folder.path().join("options.json");
        std::fs::write(&options, serde_json::to_vec(self.options)?)?;
        let control = Listener::open()?;
        let screens = Screens::new(self.devices, folder.path()).with_memory(self.memory);
        let mut command = self.command(&options, &control, &screens)?;
        let start = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("starting {QEMU}"))?;
        let (sender, heard) = mpsc::channel();
        listen(&mut child, &sender);
        let complaints = collect(&mut child);
        control.follow(sender, Heard::Control);
        let mut run = Run {
            outcome: Outcome::default(),
            commands: None,
            serial: child.stdin.take(),
            screens,
            deadline: start + self.limit,
            registers_asked: false,
            ended: false,
        };
        run.follow(&heard, hear);
        if !run.ended {
            // It is stopped, or hangs for good. If it has ended after all, that is as well.
            let _ = child.kill();
        }
        let mut outcome = run.outcome;
        outcome.kept = run.screens.into_kept();
        outcome.status = child.wait().context("waiting for QEMU")?.code();
        outcome.complaints = complaints.join().unwrap_or_default();
        outcome.took = start.elapsed();
        Ok(outcome)
    }

    fn command(&self, options: &Path, control: &Listener, screens: &Screens) -> Result<Command> {
        let mut command = Command::new(qemu()?);
        command.args([
            "-M",
            "q35",
            "-accel",
            "tcg",
            "-m",
            "512",
            "-nodefaults",
            "-vga",
            "none",
        ]);
        command.args(["-display", "none", "-serial", "stdio"]);
        // A triple fault stops the machine where its registers can still be read.
        command.args(["-action", "reboot=shutdown,shutdown=pause"]);
        command
            .arg("-device")
            .arg(format!("isa-debug-exit,iobase={EXIT_PORT:#x},iosize=4"));
        command.arg("-qmp").arg(control.argument()?);
        command.arg("-kernel").arg(self.kernel);
        for device in screens.arguments(self.devices) {
            command.args(["-device", &device]);
        }
        command
            .arg("-fw_cfg")
            .arg(fw_cfg_file(OPTIONS_FILE, options));
        if let Some(driver) = self.driver {
            command.arg("-fw_cfg").arg(fw_cfg_file(DRIVER_FILE, driver));
        }
        if self.icount {
            command.args(["-icount", "shift=0,sleep=off"]);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }
}

/// QEMU's argument for a fw_cfg file; a comma in it is doubled.
fn fw_cfg_file(name: &str, path: &Path) -> String {
    format!(
        "name={name},file={}",
        path.display().to_string().replace(',', ",,")
    )
}

/// Passes on the lines of the machine's serial port.
fn listen(child: &mut Child, to: &Sender<Heard>) {
    let Some(serial) = child.stdout.take() else {
        return;
    };
    let to = to.clone();
    thread::spawn(move || {
        for line in BufReader::new(serial).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if to.send(Heard::Line(line)).is_err() {
                return;
            }
        }
        let _ = to.send(Heard::Silence);
    });
}

/// Collects what QEMU writes to its standard error.
fn collect(child: &mut Child) -> thread::JoinHandle<String> {
    let stderr = child.stderr.take();
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut stderr) = stderr {
            let _ = stderr.read_to_string(&mut text);
        }
        text
    })
}

/// A run under way.
struct Run {
    outcome: Outcome,
    commands: Option<Commands>,
    /// Where the kernel hears the answers to its questions.
    serial: Option<ChildStdin>,
    screens: Screens,
    deadline: Instant,
    /// The last thing that is done with a machine that stopped or hangs.
    registers_asked: bool,
    /// QEMU closed the serial port, which it does when it ends.
    ended: bool,
}

impl Run {
    /// Listens until the machine has ended or been given up.
    fn follow(&mut self, heard: &Receiver<Heard>, hear: &mut dyn FnMut(Said<'_>)) {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match heard.recv_timeout(left) {
                Ok(Heard::Line(line)) => self.line(line, hear),
                Ok(Heard::Control(qmp::Said::Ready(commands))) => {
                    self.screens.send(self.commands.insert(commands));
                }
                Ok(Heard::Control(qmp::Said::Event(event))) => {
                    if event == "SHUTDOWN" {
                        self.outcome.reset = true;
                        self.ask_for_registers();
                    }
                }
                Ok(Heard::Control(qmp::Said::Answer(name, answer))) => {
                    if let Some(reply) = self.screens.answered(&name, &answer) {
                        self.reply(&reply);
                    }
                    if let Ok(Some(text)) = answer.as_ref().map(Value::as_str)
                        && self.registers_asked
                    {
                        self.outcome.stopped_at = instruction_pointer(text);
                        return;
                    }
                }
                Ok(Heard::Silence) | Err(RecvTimeoutError::Disconnected) => {
                    self.ended = true;
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {
                    if !self.interrupt() {
                        return;
                    }
                }
            }
        }
    }

    fn line(&mut self, line: String, hear: &mut dyn FnMut(Said<'_>)) {
        if let Some(code) = line.strip_prefix(END_MARK) {
            self.outcome.end = code.parse().ok().and_then(End::from_code);
        } else if let Some(json) = line.strip_prefix(MESSAGE_MARK) {
            match serde_json::from_str(json) {
                Ok(message) => {
                    hear(Said::Message(&message));
                    self.question(&message);
                    self.outcome.messages.push(message);
                }
                Err(error) => self
                    .outcome
                    .log
                    .push(format!("not understood ({error}): {line}")),
            }
        } else {
            hear(Said::Line(&line));
            self.outcome.log.push(line);
        }
    }

    /// Goes after the answer, if the message asks something.
    fn question(&mut self, message: &Message) {
        if let Some(reply) = self.screens.ask(message) {
            self.reply(&reply);
        }
        if let Some(commands) = &mut self.commands {
            self.screens.send(commands);
        }
    }

    fn reply(&mut self, reply: &Reply) {
        if let (Some(serial), Ok(line)) = (&mut self.serial, serde_json::to_string(reply)) {
            // A kernel that is gone waits for nothing.
            let _ = writeln!(serial, "{line}").and_then(|()| serial.flush());
        }
    }

    /// The time is up: first the kernel is asked where it hangs, then QEMU is. False: give up.
    fn interrupt(&mut self) -> bool {
        let Some(commands) = &mut self.commands else {
            self.outcome.timed_out = true;
            return false;
        };
        if self.registers_asked {
            return false;
        }
        self.deadline = Instant::now() + GRACE;
        if self.outcome.timed_out {
            self.ask_for_registers();
            return true;
        }
        self.outcome.timed_out = true;
        commands.send("inject-nmi", &serde_json::json!({})).is_ok()
    }

    fn ask_for_registers(&mut self) {
        self.registers_asked = true;
        self.deadline = Instant::now() + GRACE;
        if let Some(commands) = &mut self.commands {
            // A QEMU that is gone already has closed the serial port too.
            let _ = commands.monitor("info registers");
        }
    }
}

/// The instruction pointer in the monitor's list of registers.
fn instruction_pointer(registers: &str) -> Option<u64> {
    let after = registers.split("RIP=").nth(1)?;
    u64::from_str_radix(after.split_whitespace().next()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::instruction_pointer;

    #[test]
    fn the_monitor_says_where_the_processor_is() {
        let text = "RAX=0000000000000000\r\nR15=0 RIP=ffffffff80201234 RFL=00000046 [---Z-P-]";
        assert_eq!(instruction_pointer(text), Some(0xffff_ffff_8020_1234));
        assert_eq!(instruction_pointer("no registers"), None);
    }
}
