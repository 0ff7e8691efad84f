//! Who is let in, and until when. `tests/loom` runs it in every order of two threads.

use crate::engine::permit::Gate;

#[test]
fn a_permit_is_good_until_the_gate_is_shut() {
    let gate = Gate::new();
    let permit = gate.permit();
    for _ in 0..3 {
        let entered = permit.enter();
        assert!(entered.is_some() && !gate.is_empty());
        drop(entered);
        assert!(gate.is_empty());
    }
    gate.shut();
    assert!(permit.enter().is_none() && !permit.is_good());
    assert!(gate.is_empty());
    assert!(gate.permit().enter().is_some());
}

#[test]
fn who_is_inside_while_the_gate_is_shut_is_waited_for() {
    let gate = Gate::new();
    let old = gate.permit();
    let entered = old.enter();
    gate.shut();
    assert!(!gate.is_empty());
    drop(entered);
    assert!(gate.is_empty());
    let new = gate.permit();
    let entered = new.enter();
    assert!(entered.is_some());
    // One that comes back late changes nothing for the newer one.
    assert!(old.enter().is_none());
    assert!(!gate.is_empty());
}
