//! The version resource says what Cargo.toml says.

use anyhow::{Context, Result};
use object::LittleEndian as LE;
use object::pe::RT_VERSION;
use object::read::pe::{PeFile64, ResourceDirectoryEntryData};

use super::Finding;
use super::image::Image;
use crate::inf::stamp::project_version;

/// What a VS_FIXEDFILEINFO begins with.
const SIGNATURE: [u8; 4] = 0xFEEF_04BD_u32.to_le_bytes();

/// The file version in an image's resources.
///
/// # Errors
///
/// The resources cannot be read.
pub fn version(data: &[u8], pe: &PeFile64<'_>) -> Result<Option<[u16; 4]>> {
    let sections = pe.section_table();
    let directory = pe.data_directories().resource_directory(data, &sections)?;
    let Some(directory) = directory else {
        return Ok(None);
    };
    let kinds = directory.root()?;
    let kind = kinds
        .entries
        .iter()
        .find(|entry| entry.name_or_id().id() == Some(RT_VERSION));
    // Below the kind are a name and a language.
    let Some(mut entry) = kind else {
        return Ok(None);
    };
    let place = loop {
        match entry.data(directory)? {
            ResourceDirectoryEntryData::Data(place) => break place,
            ResourceDirectoryEntryData::Table(table) => {
                let first = table.entries.first();
                entry = first.context("an empty table of resources")?;
            }
        }
    };
    let content = sections
        .pe_data_at(data, place.offset_to_data.get(LE))
        .and_then(|rest| rest.get(..place.size.get(LE) as usize))
        .context("a resource lies outside the image")?;
    Ok(fixed_version(content))
}

/// The version in a VS_VERSIONINFO: two numbers of 32 bits, the higher halves first.
fn fixed_version(content: &[u8]) -> Option<[u16; 4]> {
    let at = content.windows(4).position(|window| window == SIGNATURE)?;
    let part = |at: usize| {
        let bytes = content.get(at..at + 2)?;
        Some(u16::from_le_bytes([bytes[0], bytes[1]]))
    };
    Some([
        part(at + 10)?,
        part(at + 8)?,
        part(at + 14)?,
        part(at + 12)?,
    ])
}

/// Runs the check.
pub fn check(image: &Image) -> Finding {
    let wanted = project_version();
    let found = image.version.map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}"));
    let mut offenders = Vec::new();
    if found.as_ref() != Some(&wanted) {
        offenders.push(format!("the version is not {wanted}"));
    }
    Finding {
        check: "version",
        seen: found.unwrap_or_else(|| "no version resource".into()),
        offenders,
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::Image;
    use super::{SIGNATURE, check, fixed_version, project_version};

    #[test]
    fn the_higher_half_comes_first() {
        let mut content = vec![1, 2, 3, 4];
        content.extend(SIGNATURE);
        content.extend([0, 0, 1, 0, 2, 0, 1, 0, 4, 0, 3, 0]);
        assert_eq!(fixed_version(&content), Some([1, 2, 3, 4]));
        content.pop();
        assert_eq!(fixed_version(&content), None);
    }

    #[test]
    fn another_version_and_none_are_refused() {
        let offenders = |version| {
            check(&Image {
                version,
                ..Image::default()
            })
            .offenders
        };
        let numbers = project_version();
        let numbers: Vec<u16> = numbers
            .split('.')
            .filter_map(|part| part.parse().ok())
            .collect();
        let right = [numbers[0], numbers[1], numbers[2], numbers[3]];
        assert!(offenders(Some(right)).is_empty());
        assert_eq!(offenders(Some([9, 9, 9, 9])).len(), 1);
        assert_eq!(offenders(None).len(), 1);
    }
}
