//! Both drivers side by side, from what criterion measured.

use std::fs;
use std::path::Path;

use crate::workload::Lists;
use crate::{OURS, PLAIN};

/// Prints nanoseconds an allocation (created and destroyed) and the ratio, a table for each length.
pub fn print(lists: &[Lists], live: &[usize]) {
    println!("\nCreate + destroy, ns an allocation (median): plain / vmdisp = ratio\n");
    print!("| list |");
    for live in live {
        print!(" {live} live |");
    }
    print!("\n|---|");
    print!("{}", "---|".repeat(live.len()));
    println!();
    for list in lists {
        print!("| {list} |");
        for live in live {
            match (median(*list, OURS, *live), median(*list, PLAIN, *live)) {
                (Some(ours), Some(plain)) => {
                    let each = |nanoseconds: f64| nanoseconds / list.length as f64;
                    print!(
                        " {:.1} / {:.1} = {:.2} |",
                        each(plain),
                        each(ours),
                        plain / ours
                    );
                }
                _ => print!(" not measured |"),
            }
        }
        println!();
    }
}

/// The median of one benchmark in nanoseconds a step, as criterion has just written it.
fn median(list: Lists, name: &str, live: usize) -> Option<f64> {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let file = Path::new(&target)
        .join("criterion")
        .join(format!("lists of {list}"))
        .join(name)
        .join(live.to_string())
        .join("new/estimates.json");
    let text = fs::read_to_string(file).ok()?;
    let estimates: serde_json::Value = serde_json::from_str(&text).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}
