use super::*;

const LEAST: &str = "site = \"s\"\ngateway = \"g\"\n";

/// Every key of the sample is known, its values are the defaults, and no key is missing from it.
#[test]
fn the_sample_states_the_defaults() {
    let sample = Config::parse(DEFAULT).unwrap();
    let expected = Config {
        site: "example-site".to_owned(),
        gateway: "example-gateway".to_owned(),
        hash: sample.hash.clone(),
        ..Config::default()
    };
    assert_eq!(sample, expected);
    assert_eq!(sample.hash.len(), 12);
}

/// Also the keys that have no default are keys.
#[test]
fn what_the_sample_comments_out_is_known() {
    let all: String = DEFAULT
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let faults = Config::parse(&all).unwrap_err();
    assert!(
        faults.iter().all(|fault| fault.contains("No such file")),
        "{faults:?}"
    );
}

#[test]
fn every_fault_is_named_at_once() {
    let text = "site = \"a b\"\n[server]\nwindow = 1\ncert = \"c\"\n[spool]\nmax-size = \"3kB\"\nbacklog-share = 95\n\
                [publish]\nmax-records = 0\n[mirror]\nbase = \"a/#\"";
    let faults = Config::parse(text).unwrap_err().join("\n");
    for field in [
        "site:",
        "gateway:",
        "server: cert and key",
        "server.window",
        "spool.max-size",
        "spool.backlog-share",
        "publish.max-records",
        "mirror.base",
    ] {
        assert!(faults.contains(field), "{field} in {faults}");
    }
    let unknown = Config::parse(&format!("{LEAST}[spool]\nmaxsize = 1")).unwrap_err();
    assert!(unknown[0].contains("maxsize"), "{unknown:?}");
}

#[test]
fn sizes_are_read_as_written() {
    let size = |text: &str| text.parse::<Size>().map(|size| size.0);
    assert_eq!(size("512MiB"), Ok(512 << 20));
    assert_eq!(size("4 GB"), Ok(4_000_000_000));
    assert_eq!(size("17"), Ok(17));
    assert_eq!(size("1B"), Ok(1));
    assert!(size("many").is_err() && size("99999999TiB").is_err() && size("-1").is_err());
}
