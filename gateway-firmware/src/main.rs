mod simulate;
fn main() {}
