//! Progress of a long run: a bar on a terminal, nothing in a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error. It goes away when it is dropped.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar that is full at `total`.
    pub fn new(total: u64) -> Self {
        let bar = ProgressBar::new(total);
        let style = ProgressStyle::with_template("{bar:32.cyan} {pos:>7}/{len} {elapsed:>4} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// A bar that is never seen, for output that has lines of its own.
    pub fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// Where the run is, out of how much, with what goes on.
    pub fn set(&self, done: u64, total: u64, what: impl FnOnce() -> String) {
        if self.0.is_hidden() {
            return;
        }
        self.0.set_length(total);
        self.0.set_position(done);
        self.0.set_message(what());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
