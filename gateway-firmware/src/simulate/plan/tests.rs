use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};
use crate::simulate::MICROS_PER_SECOND;

/// 2026-11-22T12:00:00Z.
const NOON: Micros = 1_795_348_800 * MICROS_PER_SECOND;
const HOUR: Micros = 3600 * MICROS_PER_SECOND;

fn plan(arguments: &str) -> Result<Plan, String> {
    let typed = ["wardline-gateway", "simulate"]
        .into_iter()
        .chain(arguments.split_whitespace());
    let typed = Cli::try_parse_from(typed).map_err(|e| e.to_string())?;
    let Command::Simulate(arguments) = typed.command else {
        panic!("another command");
    };
    Plan::new(&arguments, NOON).map_err(|failure| match failure {
        Failure::Usage(text) => text,
        other => panic!("not a fault of usage: {other:?}"),
    })
}

fn stamps(plan: &mut Plan, most: usize) -> Vec<Micros> {
    std::iter::from_fn(|| plan.source.take())
        .map(|pack| pack.at)
        .take(most)
        .collect()
}

fn recording() -> String {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/data/mimic2-numerics/s00001_numerics.csv"
    );
    format!("--recording {file} ")
}

#[test]
fn history_ends_where_live_time_starts() {
    let mut plan = plan("--patients 2 --backfill 1h --duration 10s").unwrap();
    let stamps = stamps(&mut plan, usize::MAX);
    assert_eq!(stamps.first(), Some(&(NOON - HOUR)));
    assert_eq!(stamps.last(), Some(&(NOON + 7_500_000)));
    assert_eq!(stamps.len(), 2 * (720 + 2));
}

#[test]
fn a_recording_ends_now_starts_now_or_starts_where_it_is_told() {
    let first =
        |arguments: &str| stamps(&mut plan(&(recording() + arguments)).unwrap(), usize::MAX);
    let fast = first("--as-fast-as-possible");
    assert_eq!((fast.len(), fast.last()), (1936, Some(&NOON)));
    assert_eq!(first("")[0], NOON);
    assert_eq!(first("--backfill 1h")[0], NOON - HOUR);
    assert_eq!(
        first("--start 2026-11-22T10:00:00Z --as-fast-as-possible")[0],
        NOON - 2 * HOUR
    );
    assert_eq!(
        first("--start 2026-11-22T10:00:00Z --duration 1h").len(),
        60
    );
    assert_eq!(first("--loop --duration 48h").len(), 48 * 60);
}

#[test]
fn a_recording_and_a_ward_go_together_in_the_order_of_time() {
    let mut plan = plan(&(recording() + "--patients 3 --duration 3m")).unwrap();
    let stamps = stamps(&mut plan, usize::MAX);
    assert!(stamps.is_sorted());
    assert_eq!(stamps.len(), 3 * 36 + 3);
}

#[test]
fn wrong_usage_is_told() {
    let told = |arguments: &str| plan(arguments).err().unwrap_or_default();
    assert!(told("--as-fast-as-possible").contains("--duration or --count"));
    assert!(told("--patients 0").contains("nothing to play"));
    assert!(told("--patients 4 --scenario sepsis=bed-05").contains("the last is bed-04"));
    assert!(told("--patients 1 --rate 5000").contains("--patients"));
    assert!(told("--scenario flu=bed-01").contains("unknown scenario"));
    assert!(told("--recording nowhere.csv").contains("nowhere.csv"));
    assert!(told("--rate 3 --interval 5s").contains("cannot be used with"));
    assert!(told("--duration 200years").contains("hundred years"));
    assert!(told("--username sim").contains("password"));
    assert!(told("--site a/b").contains("letters"));
}

#[test]
fn a_rate_is_that_of_the_whole_ward() {
    let mut plan = plan("--patients 50 --rate 100 --duration 10s").unwrap();
    assert_eq!(stamps(&mut plan, usize::MAX).len(), 1000);
}

#[test]
fn a_device_is_named_after_its_file() {
    assert_eq!(
        device_of(Path::new("/x/s00001_numerics.csv")),
        "s00001-numerics"
    );
    assert_eq!(device_of(Path::new("Ä.csv")), "-");
}
