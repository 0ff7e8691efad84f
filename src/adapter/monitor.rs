//! The monitor, as StartDevice finds it.

use dxgk_sys::D3DDDIFORMAT;

use super::{Adapter, Running, TAG, parameters};
use crate::device::{Hardware, ScanOut};
use crate::display::modes::{Limits, Sources};
use crate::display::{Monitor, TARGET};
use crate::kernel::dxgkrnl::{PostDisplay, Refused};
use crate::kernel::irql::Passive;
use crate::kernel::resources::MemoryRange;
use crate::kernel::{NoMemory, Shared, complain};

/// Reads the monitor's data, and makes the list of modes: those of which `primaries` primaries fit into
/// video memory.
///
/// # Errors
///
/// [`NoMemory`]
pub fn find(
    hardware: &dyn Hardware,
    primaries: u32,
    irql: Passive,
) -> Result<Shared<Monitor>, NoMemory> {
    let most = hardware.scan_out_limits();
    let limits = Limits {
        largest_width: most.largest_width,
        largest_height: most.largest_height,
        width_multiple: most.width_multiple,
        video_memory: hardware.video_memory().bytes,
        least_pitch: most.least_pitch,
        primaries,
    };
    let custom = parameters::modes(irql);
    Shared::try_zeroed(TAG, irql, |monitor: &mut Monitor| {
        monitor.edid.read_from(|room| hardware.edid(room));
        monitor.modes.build(&Sources {
            edid: &monitor.edid,
            limits,
            custom: custom.as_deref().unwrap_or_default(),
        });
    })
}

/// The picture that the firmware shows, if it is one that this driver could show: 32 bits a pixel, and
/// whole in video memory.
pub fn picture(found: &PostDisplay, memory: MemoryRange) -> Option<ScanOut> {
    let formats = [
        D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8,
        D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
    ];
    let picture = ScanOut {
        width: found.width,
        height: found.height,
        pitch: found.pitch,
        offset: found.physical.checked_sub(memory.physical)?,
    };
    (formats.contains(&found.format) && picture.fits(memory.bytes)).then_some(picture)
}

impl Adapter {
    /// Finds out whether the monitor is another than before, and if so says that the one went and the
    /// other came (contract: Q3). A virtual machine's can only change while the machine sleeps.
    pub(super) fn look_at_monitor(&self, running: &Running, irql: Passive) {
        let hardware = running.hardware.hardware();
        let Ok(now) = find(hardware, running.primaries, irql) else {
            complain(
                c"SetPowerState",
                c"monitor",
                0,
                c"no memory, so it stays as it was",
            );
            return;
        };
        let before = self.screen.monitor(irql);
        if before.is_none_or(|before| before.edid.blocks() == now.edid.blocks()) {
            return;
        }
        self.screen.exchange_monitor(now, irql);
        for connected in [false, true] {
            let told = running.dxgkrnl.indicate_connection(TARGET, connected, irql);
            if let Err(Refused(status)) = told {
                let status = status.cast_unsigned().into();
                complain(
                    c"SetPowerState",
                    c"DxgkCbIndicateChildStatus",
                    status,
                    c"refused",
                );
            }
        }
    }
}
