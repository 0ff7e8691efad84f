//! The device and the context that dxgkrnl has for paging, between start and stop.

use alloc::sync::Arc;
use alloc::vec::Vec;

use dxgk_sys::DXGK_CREATEDEVICEFLAGS;

use crate::Status;
use crate::adapter::{Adapter, AdapterInner};
use crate::device::Device;
use crate::port::Profile;
use crate::scheduler::Node;
use crate::scheduler::context::{ContextKind, ContextObject};
use crate::scheduler::packet::Fate;

/// No adapter has more nodes.
const MOST_NODES: u32 = 64;

/// What the port has for itself.
pub(crate) struct System {
    pub device: Device,
    pub context: Arc<ContextObject>,
}

impl Adapter {
    /// After a start: what the nodes are, and in [`Profile::Full`] the system's own device and context.
    pub(crate) fn begin_scheduling(&self) -> Result<(), Status> {
        let adapter = &*self.0;
        if adapter.port.settings.profile != Profile::Full {
            return Ok(());
        }
        self.query_history_precision();
        for node in 0..adapter.nodes().min(MOST_NODES) {
            // A refusal is a violation of Q8.
            let _ = self.node_metadata(node);
        }
        self.create_system()
    }

    /// Makes the system's device and context, if the driver has contexts at all.
    pub(crate) fn create_system(&self) -> Result<(), Status> {
        let adapter = &*self.0;
        let table = &adapter.registration.table;
        if table.DxgkDdiCreateContext.is_none() || table.DxgkDdiCreateDevice.is_none() {
            return Ok(());
        }
        let device = self.create_device(DXGK_CREATEDEVICEFLAGS::SystemDevice)?;
        // It is nobody's: it is neither counted nor torn down with the others.
        adapter.objects.devices.lock().remove(&device.object.number);
        match adapter.create_context(&device.object, ContextKind::System, &[]) {
            Ok(context) => {
                adapter.scheduler.state.lock().system = Some(System { device, context });
                Ok(())
            }
            Err(status) => {
                let _ = device.destroy();
                Err(status)
            }
        }
    }

    /// Takes them away again.
    pub(crate) fn destroy_system(&self) {
        let system = self.0.scheduler.state.lock().system.take();
        let Some(system) = system else { return };
        // What the driver answers is recorded.
        let _ = self.0.destroy_context(&system.context);
        let _ = system.device.destroy();
    }
}

impl AdapterInner {
    /// The adapter went away with whatever it was doing. Its memory stays until the driver is stopped.
    pub(crate) fn scheduler_gone(&self) {
        self.scheduling(|| {
            self.scheduler.events.ignore(true);
            self.run_dpc();
            self.scheduler.events.discard();
            let mut state = self.scheduler.state.lock();
            state.gone = true;
            state.node.preempting = None;
            let mut packets = core::mem::take(&mut state.node.hardware);
            packets.append(&mut state.node.resubmit);
            drop(state);
            for packet in &packets {
                self.end_early(packet, Fate::Purged);
            }
            self.scheduler.state.lock().kept.extend(packets);
            let devices: Vec<_> = self.objects.devices.lock().values().cloned().collect();
            for device in devices {
                self.lose_device(&device);
            }
        });
    }

    /// Nothing of the driver runs any more.
    pub(crate) fn scheduler_stopped(&self) {
        let mut state = self.scheduler.state.lock();
        let kept = core::mem::take(&mut state.kept);
        state.node = Node::default();
        state.gone = false;
        state.running = None;
        state.reset_due = None;
        drop(state);
        drop(kept);
        self.scheduler.events.discard();
        self.scheduler.events.ignore(false);
    }
}
