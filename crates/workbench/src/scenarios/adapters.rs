//! Adapters as QEMU's `-device` names them, and what stands for them in this process.

use anyhow::{Context, Result, bail};
use vmdisp_in_process::Vga;

use crate::ring0::ADAPTERS;

/// One adapter.
#[derive(Clone)]
pub struct Device {
    /// As QEMU takes it.
    pub name: String,
    /// The simulated one.
    pub adapter: Vga,
}

/// An adapter of each kind.
pub fn usual() -> Vec<Device> {
    ADAPTERS
        .iter()
        .filter_map(|name| parse(name).ok())
        .collect()
}

/// Reads `VGA`, `VGA,vgamem_mb=64`, `bochs-display` or `bochs-display,vgamem=64M`.
///
/// # Errors
///
/// Where it is another adapter or has another property.
pub fn parse(text: &str) -> Result<Device> {
    let (kind, property) = match text.split_once(',') {
        Some((kind, property)) => (kind, Some(property)),
        None => (text, None),
    };
    let (adapter, size) = match kind {
        "VGA" => (Vga::default(), "vgamem_mb="),
        "bochs-display" => (Vga::bochs_display(), "vgamem="),
        _ => bail!("there are {}", ADAPTERS.join(" and ")),
    };
    let adapter = match property {
        None => adapter,
        Some(property) => {
            let only = || format!("only {size} is known");
            let megabytes = property.strip_prefix(size).with_context(only)?;
            let megabytes: u64 = megabytes.trim_end_matches('M').parse()?;
            if !megabytes.is_power_of_two() || megabytes > 256 {
                bail!("{size}{megabytes}: a power of two, at most 256");
            }
            adapter.with_video_memory(megabytes << 20)
        }
    };
    let name = text.to_owned();
    Ok(Device { name, adapter })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_read() {
        let bytes = |text| parse(text).map(|device| device.adapter.reported_bytes).ok();
        assert_eq!(bytes("VGA"), Some(16 << 20));
        assert_eq!(bytes("VGA,vgamem_mb=64"), Some(64 << 20));
        assert_eq!(bytes("bochs-display,vgamem=32M"), Some(32 << 20));
        for wrong in [
            "",
            "vga",
            "VGA,vgamem=64M",
            "VGA,vgamem_mb=3",
            "VGA,vgamem_mb=x",
        ] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
