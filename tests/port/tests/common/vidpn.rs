//! What the VidPN DDIs of a miniport are put through.

use std::sync::atomic::Ordering::Relaxed;

use dxgk_port::{Adapter, Choice, CommitFlags};

use super::machine::Machine;

/// Everything, and a commit while no monitor is there.
pub fn exercise(adapter: &Adapter, machine: &Machine) {
    adapter.exercise_vidpn();
    // A saboteur may have none.
    if adapter.children().is_empty() {
        return;
    }
    machine.unplugged.store(true, Relaxed);
    adapter.interrupt(0);
    adapter.update_children();
    let choice = Choice::size(800, 600);
    let enforce = CommitFlags {
        enforce_monitors: true,
        ..CommitFlags::default()
    };
    let _ = adapter.commit_with(&choice, &enforce);
    let _ = adapter.commit(&choice);
    machine.unplugged.store(false, Relaxed);
    adapter.interrupt(0);
    adapter.update_children();
    let _ = adapter.commit_with(&choice, &enforce);
    let _ = adapter.recommend_vidpn();
    let _ = adapter.commit_none();
}
