//! Tells what happens: steps with their time, the commands and what they print.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::call::{Call, Done};
use crate::error::{Error, Result};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C (and a polite kill) ends the story at the end of the step that it is in, so that everything is
/// cleaned up. Children in this process group are told by the terminal itself.
///
/// # Errors
/// The machine refuses the handler.
pub fn heed_interrupts() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst)).map_err(|error| Error::Machine {
        doing: "listen for Ctrl-C".to_owned(),
        source: std::io::Error::other(error),
    })
}

/// Whether a person pressed Ctrl-C.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// A story that is being told on the standard output.
#[derive(Debug)]
pub struct Story {
    begun: Instant,
    steps: Vec<(String, Duration)>,
    indent: &'static str,
}

impl Story {
    /// A story that begins now.
    pub fn begin() -> Story {
        Story {
            begun: Instant::now(),
            steps: Vec::new(),
            indent: "    ",
        }
    }

    /// One step: its title, what it does, and how long that took.
    ///
    /// # Errors
    /// Those of the step, and the interrupt.
    pub fn step<T>(&mut self, title: &str, act: impl FnOnce(&Story) -> Result<T>) -> Result<T> {
        println!("\n{}. {title}", self.steps.len() + 1);
        let begun = Instant::now();
        let done = act(self);
        let took = begun.elapsed();
        if interrupted() {
            return Err(Error::Interrupted);
        }
        let done = done?;
        println!("{}[{:.1} s]", self.indent, took.as_secs_f64());
        self.steps.push((title.to_owned(), took));
        Ok(done)
    }

    /// Says something.
    pub fn say(&self, text: &str) {
        for line in text.lines() {
            println!("{}{line}", self.indent);
        }
    }

    /// Calls a program, shows its line and its words, and expects exit code 0.
    ///
    /// # Errors
    /// It ended otherwise.
    pub fn call(&self, call: Call) -> Result<Done> {
        self.call_expecting(call, 0)
    }

    /// Calls a program, shows its line and its words, and expects this exit code.
    ///
    /// # Errors
    /// It ended otherwise.
    pub fn call_expecting(&self, call: Call, code: i32) -> Result<Done> {
        println!("{}$ {}", self.indent, call.line());
        let done = call.run()?.expect_code(code)?;
        // What a program does goes to its standard error, and what came of it to its standard output.
        self.say(done.stderr_text().trim_matches('\n'));
        self.say(done.stdout_text().trim_matches('\n'));
        Ok(done)
    }

    /// The steps so far with their time, the slowest marked, and the time of the whole.
    pub fn table(&self) -> String {
        let slowest = self.steps.iter().map(|(_, took)| *took).max().unwrap_or_default();
        let mut table = String::new();
        for (number, (title, took)) in self.steps.iter().enumerate() {
            let mark = if *took == slowest { "  (the slowest)" } else { "" };
            table.push_str(&format!(
                "{:>3}. {:>6.1} s  {title}{mark}\n",
                number + 1,
                took.as_secs_f64()
            ));
        }
        table.push_str(&format!("     {:>6.1} s  in all\n", self.begun.elapsed().as_secs_f64()));
        table
    }
}
