//! No stack frame is over 1 KiB.

use super::Finding;
use super::image::Image;

/// The largest frame that a function may have, in bytes. A kernel stack is 24 KiB, most of which
/// dxgkrnl and whoever called it may have used already.
const LARGEST: u32 = 1024;

/// Runs the check.
pub fn check(image: &Image) -> Finding {
    let name = |start| match image.function_at(start) {
        Some(function) => function.name(),
        None => format!("code at {start:#x}"),
    };
    let mut frames: Vec<_> = image.frames.iter().filter(|frame| !frame.chained).collect();
    frames.sort_by_key(|frame| std::cmp::Reverse(frame.frame));
    let over = frames.iter().filter(|frame| frame.frame > LARGEST);
    let offenders = over.map(|frame| format!("{} takes {} bytes", name(frame.start), frame.frame));
    let mut offenders: Vec<String> = offenders.collect();
    if image.frames.is_empty() {
        offenders.push("the image has no unwind information".into());
    }
    let largest = match frames.first() {
        Some(frame) => format!("the largest {} bytes ({})", frame.frame, name(frame.start)),
        None => "none".into(),
    };
    Finding {
        check: "frames",
        seen: format!("{} frames, {largest}", frames.len()),
        offenders,
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::{Function, Image};
    use super::super::unwind::RuntimeFunction;
    use super::check;

    fn image(frames: &[u32]) -> Image {
        let mut image = Image::default();
        for (index, frame) in (0_u32..).zip(frames) {
            let (start, end) = (index * 16, index * 16 + 16);
            image.frames.push(RuntimeFunction {
                start,
                end,
                frame: *frame,
                chained: false,
            });
            image.functions.push(Function {
                start,
                end,
                names: vec![format!("f{index}")],
            });
        }
        image
    }

    #[test]
    fn a_frame_over_1_kib_is_named() {
        let finding = check(&image(&[1024, 1032, 0]));
        assert_eq!(finding.offenders, ["f1 takes 1032 bytes"]);
        assert_eq!(finding.seen, "3 frames, the largest 1032 bytes (f1)");
    }

    #[test]
    fn an_image_without_unwind_information_fails() {
        assert_eq!(check(&image(&[])).offenders.len(), 1);
        assert!(check(&image(&[8])).offenders.is_empty());
    }
}
