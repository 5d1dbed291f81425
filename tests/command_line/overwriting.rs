//! No command writes over what it reads, by whatever path it is named.

use crate::rows::curricle;

const ROWS: &str =
    "text,a,b,s,w,c,r,one,two\na b,x y,x z,-1,-2,0.5,0.25,1,0\nc d,x y,x z,-1,-3,0.5,0.25,0,1\n";

#[test]
fn an_output_that_is_an_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| folder.path().join(name);
    std::fs::write(of("rows.csv"), ROWS).unwrap();
    std::fs::write(of("test.csv"), "text\na b\n").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(of("rows.csv"), of("link.csv")).unwrap();
    let commands = [
        "decontaminate --train rows.csv --test test.csv --ngram 2 --out rows.csv",
        "decontaminate --train test.csv --test rows.csv --ngram 2 --out ./rows.csv",
        "score logratio --in test.csv rows.csv --strong s --weak w --out rows.csv",
        "score overlap --in rows.csv --a a --b b --ngram 1 --out rows.csv",
        "score pairs --in rows.csv --chosen-scores c --rejected-scores r --out rows.csv",
        "probe rows.csv --item text --models one,two --count 1 --out rows.csv",
        #[cfg(unix)]
        "score overlap --in rows.csv --a a --b b --ngram 1 --out link.csv",
        #[cfg(unix)]
        "score overlap --in link.csv --a a --b b --ngram 1 --out rows.csv",
    ];
    for command in commands {
        let output = curricle(folder.path(), command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains("would be overwritten"), "{command}: {said}");
        assert_eq!(std::fs::read_to_string(of("rows.csv")).unwrap(), ROWS, "{command}");
    }
    // The same commands with another output do their work: what is refused is the place.
    for command in commands {
        let (before, _) = command.split_once(" --out").unwrap();
        let before = before.replace("--in test.csv rows.csv", "--in rows.csv");
        let output = curricle(folder.path(), &format!("{before} --out other.csv"));
        assert!(output.status.success(), "{before}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A report may not take the place of a journal, nor of its log.
#[test]
fn a_report_over_its_journal_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, out) in [("run", "run"), ("run", "run.log")] {
        std::fs::write(folder.path().join("run"), "base").unwrap();
        std::fs::write(folder.path().join("run.log"), "log").unwrap();
        let output = curricle(folder.path(), &format!("report {name} --out {out}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("would be overwritten"), "{said}");
    }
}
