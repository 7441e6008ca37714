//! `wardline serve`.

use serde_json::json;

use crate::cli::ConfigFile;
use crate::exit::Exit;

pub(super) async fn run(file: ConfigFile) -> anyhow::Result<Exit> {
    let config = match crate::config::load(file.config.as_deref()) {
        Ok(loaded) => loaded.config,
        Err(refused) => {
            super::config::report(&refused);
            return Ok(Exit::Usage);
        }
    };
    let faults = crate::files::check(&config).faults;
    if !faults.is_empty() {
        super::config::show(&faults);
        return Ok(Exit::Usage);
    }
    crate::telemetry::start(&config.log);
    let stop = crate::serve::on_signal()?;
    crate::serve::run(config, stop, |bound, _| {
        let ready = json!({"ready": true, "http": bound.http, "mqtt": bound.mqtt, "pg": null, "flight": null});
        Ok(crate::output::line(&ready.to_string())?)
    })
    .await?;
    Ok(Exit::Done)
}
