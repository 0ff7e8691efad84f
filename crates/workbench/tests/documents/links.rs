//! Links: files and anchors.

use crate::{nothing_wrong, pages};

#[test]
fn relative_links_lead_somewhere() {
    let pages = pages::read();
    let root = pages::root();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in &pages {
        let folder = page.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in &page.links {
            if link.target.contains("://") {
                continue;
            }
            seen += 1;
            let (file, anchor) = link
                .target
                .split_once('#')
                .map_or((link.target.as_str(), None), |(file, anchor)| {
                    (file, Some(anchor))
                });
            let path = match file {
                "" => root.join(&page.name),
                _ => root.join(folder).join(file),
            };
            let Ok(path) = path.canonicalize() else {
                wrong.push(format!(
                    "{}: {}: no such file",
                    page.at(link.line),
                    link.target
                ));
                continue;
            };
            let Some(anchor) = anchor else { continue };
            let name = path
                .strip_prefix(&root)
                .unwrap_or(&path)
                .to_string_lossy()
                .replace('\\', "/");
            let there = pages.iter().find(|page| page.name == name);
            if !there.is_some_and(|page| page.anchors.iter().any(|known| known == anchor)) {
                wrong.push(format!(
                    "{}: {}: no such heading",
                    page.at(link.line),
                    link.target
                ));
            }
        }
    }
    assert!(seen > 50, "{seen}");
    nothing_wrong(&wrong);
}
