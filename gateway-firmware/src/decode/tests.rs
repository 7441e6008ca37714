use super::*;

#[test]
fn characteristics_by_number_or_uuid() {
    for text in [
        "2A37",
        "2a37",
        "0x2A37",
        "00002a37-0000-1000-8000-00805F9B34FB",
    ] {
        assert_eq!(characteristic(text), Ok(0x2A37), "{text}");
    }
    for text in [
        "",
        "2A3",
        "02A37",
        "+A37",
        "FFFF",
        "00002a37-0000-1000-8000-00805f9b34fc",
    ] {
        assert!(characteristic(text).is_err(), "{text}");
    }
    assert!(characteristic("FFFF").is_err_and(|why| why.contains("2A37")));
}

#[test]
fn bytes_as_captures_show_them() {
    for text in [
        "16484003",
        "16 48 40 03",
        "16:48:40:03",
        "16-48-40-03",
        "0x16484003",
    ] {
        assert_eq!(
            bytes(text).ok(),
            Some(vec![0x16, 0x48, 0x40, 0x03]),
            "{text}"
        );
    }
    assert_eq!(bytes("").ok(), Some(Vec::new()));
    for text in ["1", "1g", "16,48", "é1"] {
        assert!(matches!(bytes(text), Err(Failure::Usage(_))), "{text}");
    }
}

#[test]
fn every_example_works() {
    use clap::Parser;
    let mut seen = 0;
    for line in EXAMPLES.lines() {
        let Some(arguments) = line.trim().strip_prefix("wardline-gateway ") else {
            continue;
        };
        // Words of a shell, with single quotes.
        let mut words = vec![String::from("wardline-gateway")];
        for (index, part) in arguments.split('\'').enumerate() {
            if index % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        let cli = crate::cli::Cli::try_parse_from(&words).expect(line);
        let crate::cli::Command::Decode(arguments) = cli.command else {
            panic!("{line}")
        };
        assert!(run(arguments).is_ok(), "{line}");
        seen += 1;
    }
    assert!(seen >= 5);
}
