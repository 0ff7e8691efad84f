//! The engine's way to the adapter's memory.

use super::{Running, TAG};
use crate::engine::{Core, Engine, Parts, worker};
use crate::kernel::irql::Passive;
use crate::kernel::{InterruptLine, NoMemory, Shared};
use crate::memory::aperture::Aperture;
use crate::memory::space::{Access, Reserve, Space};

/// Makes what the engine needs while the adapter is started: the aperture's table, and for each worker a
/// thread and a way to pages of its own.
///
/// # Errors
///
/// [`NoMemory`]; nothing is left.
pub fn parts(
    engine: &Engine,
    running: &Shared<Running>,
    line: InterruptLine,
    irql: Passive,
) -> Result<Parts, NoMemory> {
    let aperture = Shared::try_new(TAG, Aperture::try_new(TAG, irql)?, irql)?;
    Parts::try_new(engine, line, TAG, irql, || {
        let (running, aperture) = (running.clone(), aperture.clone());
        let mut reserve = Reserve::try_new(TAG, irql)?;
        Ok(move |core: &Core, irql| {
            let memory = running.hardware.hardware().frame_buffer().pictures();
            let space = Space::new(memory, &aperture);
            worker::run(core, &mut Access::new(space, &mut reserve), irql);
        })
    })
}
