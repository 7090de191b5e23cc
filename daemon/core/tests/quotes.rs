//! What is typed in the plain-text corpus: exact matches counted, and no typed line lost.
use std::path::Path;

#[test]
fn quotes() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/quotes");
    let (mut exact, mut total) = (0, 0);
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".typed.txt") { continue; }
        let want = std::fs::read_to_string(&path).unwrap();
        let text = std::fs::read_to_string(path.with_file_name(name.replace(".typed.txt", ".txt"))).unwrap();
        let got = resetd_core::inbound::typed::part(&text).typed;
        total += 1;
        if got.trim() == want.trim() { exact += 1 } else { println!("=== {name}\n--- want\n{}\n--- got\n{}\n", want.trim(), got) }
    }
    println!("exact {exact} of {total}");
}
