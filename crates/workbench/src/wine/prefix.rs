//! A Wine of its own: a prefix in a new folder, a server for it alone, and programs with time limits.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;
use vmdisp_wine_protocol::{Answer, LOG_FILE, SCREEN_FILE};

use super::project;
use crate::setup::wine_programs;

/// What Wine writes to its log: what it refuses, lacks or sees crash, and each change of an object's count of references.
const CHANNELS: &str = "-all,trace+ntoskrnl,fixme+ntoskrnl,err+ntoskrnl,fixme+plugplay,err+plugplay,err+seh,\
                        fixme+service,err+service,err+setupapi,err+module";

/// How long a new prefix may take to be made.
const LIMIT_TO_MAKE: Duration = Duration::from_mins(3);

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A prefix with a running server, which ends with it.
pub struct Prefix {
    folder: TempDir,
    /// How long a program may take.
    limit: Duration,
}

impl Prefix {
    /// Makes a new one.
    ///
    /// # Errors
    ///
    /// Where Wine cannot be started or takes too long.
    pub fn new(limit: Duration) -> Result<Self> {
        let parent = project().join("target/wine");
        fs::create_dir_all(&parent)?;
        let folder = tempfile::Builder::new()
            .prefix("prefix-")
            .tempdir_in(&parent)
            .with_context(|| format!("making a folder in {}", parent.display()))?;
        let prefix = Self { folder, limit };
        prefix.wine(&["wineboot", "--init"], LIMIT_TO_MAKE)?;
        // What making it has started is not there for long, and would be in the drivers' way.
        prefix.server("-k")?;
        prefix.server("-w")?;
        // The server would end with the last program, and the drivers with it.
        prefix.server("-p")?;
        ensure!(
            prefix.drive_c().is_dir(),
            "Wine made no drive C in {}",
            prefix.folder.path().display()
        );
        Ok(prefix)
    }

    /// Drive C.
    pub fn drive_c(&self) -> PathBuf {
        self.folder.path().join("drive_c")
    }

    /// The folder of drivers.
    pub fn drivers(&self) -> PathBuf {
        self.drive_c().join("windows/system32/drivers")
    }

    /// The file that the drivers write.
    pub fn log(&self) -> PathBuf {
        self.drive_c().join(LOG_FILE)
    }

    /// A picture of the screen, if one was kept.
    pub fn picture(&self) -> PathBuf {
        self.drive_c().join(SCREEN_FILE)
    }

    /// The file that Wine writes.
    pub fn wine_log(&self) -> PathBuf {
        self.folder.path().join("wine.log")
    }

    fn command(&self, program: &Path) -> Result<Command> {
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.wine_log())?;
        let mut command = Command::new(program);
        command
            .env("WINEPREFIX", self.folder.path())
            .env("WINEARCH", "win64")
            .env("WINEDEBUG", CHANNELS)
            // No program that would be offered to be installed, and no menu of a desktop's.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .stderr(log);
        Ok(command)
    }

    /// Runs Wine's server with an option, which ends at once.
    fn server(&self, option: &str) -> Result<()> {
        let (_, server) = wine_programs().context("Wine is not installed")?;
        let mut command = self.command(&server)?;
        command.arg(option).stdout(Stdio::null());
        let child = command
            .spawn()
            .with_context(|| format!("starting {}", server.display()))?;
        wait(child, self.limit).with_context(|| format!("{} {option}", server.display()))?;
        Ok(())
    }

    /// Runs a program under Wine; what it wrote, and whether it succeeded.
    fn wine(&self, arguments: &[&str], limit: Duration) -> Result<(bool, String)> {
        let (wine, _) = wine_programs().context("Wine is not installed")?;
        let mut command = self.command(&wine)?;
        command.args(arguments).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("starting {}", wine.display()))?;
        let output = child.stdout.take();
        let reader = thread::spawn(move || {
            let mut text = Vec::new();
            // A program that is ended because of its time leaves what it has written.
            let _ = output.map(|mut output| output.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        let success = wait(child, limit).with_context(|| arguments.join(" "))?;
        // Wine's own processes may have the pipe still.
        let patience = Instant::now() + Duration::from_secs(2);
        while !reader.is_finished() && Instant::now() < patience {
            thread::sleep(LOOK);
        }
        let text = if reader.is_finished() {
            reader.join().unwrap_or_default()
        } else {
            String::new()
        };
        Ok((success, text.trim().to_owned()))
    }

    /// Runs the program that drives Plug and Play; what it wrote.
    ///
    /// # Errors
    ///
    /// What it says if it fails, or that it takes too long.
    pub fn control(&self, arguments: &[&str]) -> Result<String> {
        let mut words = vec![r"C:\package\control.exe"];
        words.extend(arguments);
        let (success, text) = self.wine(&words, self.limit)?;
        ensure!(success, "{}: {text}", arguments.join(" "));
        Ok(text)
    }

    /// Asks a driver.
    ///
    /// # Errors
    ///
    /// Where it cannot be asked, or answers with a status that is no success.
    pub fn ask(&self, device: &str, number: u32, argument: u64) -> Result<Value> {
        let (number, argument) = (number.to_string(), argument.to_string());
        let text = self.control(&["ask", device, &number, &argument])?;
        let answer: Answer = serde_json::from_str(&text)
            .with_context(|| format!("reading {device}'s answer {text:?}"))?;
        let status = answer.status.cast_unsigned();
        ensure!(status == 0, "{device} answered with status {status:#010x}");
        Ok(answer.value)
    }

    /// The same with an answer that has a form.
    ///
    /// # Errors
    ///
    /// As above, and where the answer has another form.
    pub fn ask_for<T: DeserializeOwned>(
        &self,
        device: &str,
        number: u32,
        argument: u64,
    ) -> Result<T> {
        let value = self.ask(device, number, argument)?;
        serde_json::from_value(value).with_context(|| format!("reading {device}'s answer"))
    }

    /// Leaves the folder where it is, for people; where that is.
    pub fn keep(mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }
}

impl Drop for Prefix {
    fn drop(&mut self) {
        // This prefix's server and all its processes; nobody else's.
        let _ = self.server("-k");
        let _ = self.server("-w");
    }
}

/// Waits for a process; whether it succeeded. One that takes too long is ended.
fn wait(mut child: Child, limit: Duration) -> Result<bool> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() >= end {
            let _ = child.kill();
            let _ = child.wait();
            bail!("no end after {} s", limit.as_secs());
        }
        thread::sleep(LOOK);
    }
}
