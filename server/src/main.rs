//! Reads the configuration and calls [`server::run`].

use std::process::ExitCode;

use server::{
    check,
    config::{self, Command, Config, LoadError, Seed, Sources},
    demo, listen, open, open_files, run, seed, telemetry,
};

fn main() -> ExitCode {
    let loaded = match config::load(std::env::args_os()) {
        Ok(loaded) => loaded,
        Err(LoadError::Line(error)) => error.exit(),
        Err(LoadError::File(error)) => return fail(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let result = match loaded.command {
        Command::Serve(config) => runtime.block_on(serve(config)),
        Command::Check(config) => {
            let right = runtime.block_on(try_out(config, loaded.sources));
            // What did not answer in time is not waited for now.
            runtime.shutdown_background();
            return if right { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Command::Seed(which) => runtime.block_on(load_demo(which)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

async fn serve(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    config.validate()?;
    telemetry::start(config.log_format);
    let listener =
        listen(config.addr).map_err(|error| format!("cannot listen on {}: {error}", config.addr))?;
    let bound = listener.local_addr()?;
    let state = open(&config, bound, open_files::raise_limit()).await?;
    announce(&config, bound);
    run(listener, state, stop_signal()).await;
    Ok(())
}

/// Says line by line what is right and wrong with a configuration. Whether nothing is wrong.
#[allow(clippy::print_stdout)]
async fn try_out(config: Config, sources: Sources) -> bool {
    let wrong = check::run(config, sources, |line| println!("{line}")).await;
    match wrong {
        0 => println!("\nNothing is wrong."),
        1 => println!("\nOne thing is wrong."),
        more => println!("\n{more} things are wrong."),
    }
    wrong == 0
}

async fn load_demo(which: Seed) -> Result<(), Box<dyn std::error::Error>> {
    which.validate()?;
    telemetry::start(server::config::LogFormat::Text);
    seed(&which).await?;
    tracing::info!(accounts = demo::ACCOUNTS.len(), "the demo accounts are loaded");
    Ok(())
}

/// What a person in front of the terminal wants to know.
#[allow(clippy::print_stdout)]
fn announce(config: &Config, bound: std::net::SocketAddr) {
    let address = config.public_url.as_ref().map_or_else(|| format!("http://{bound}"), ToString::to_string);
    println!("\n  Samvad is ready: {address}\n");
    if config.demo {
        println!("  Sign in as any of these, all with the password “{}”:", demo::PASSWORD);
        for (_, email, name) in demo::ACCOUNTS {
            println!("    {email:<24} {name}");
        }
        println!("\n  Two browsers, or a private window beside this one, make a conversation.\n");
    }
}

/// Resolves when the system or the person in front of it wants the server to stop.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM will end the server without draining");
                let _ = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}

#[allow(clippy::print_stderr)]
fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("samvad: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
