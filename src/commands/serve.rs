//! `wardline serve`.

use serde_json::json;

use crate::cli::ConfigFile;
use crate::exit::Exit;

pub(super) async fn run(file: ConfigFile) -> anyhow::Result<Exit> {
    let config = match crate::config::load(file.config.as_deref()) {
        Ok(loaded) => loaded.config,
        Err(faults) => {
            super::config::report(&faults);
            return Ok(Exit::Usage);
        }
    };
    crate::telemetry::start(&config.log);
    if let Some(rules) = &config.rules
        && !super::rules::sound(rules)?
    {
        return Ok(Exit::Usage);
    }
    let stop = crate::serve::on_signal()?;
    crate::serve::run(config, stop, |bound, _| {
        let ready = json!({"ready": true, "http": bound.http, "mqtt": bound.mqtt, "pg": null, "flight": null});
        Ok(crate::output::line(&ready.to_string())?)
    })
    .await?;
    Ok(Exit::Done)
}
