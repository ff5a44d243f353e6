//! A writer, its server and the line between them are killed again and again, at steps of the protocol and at
//! any moment: no flush that succeeded is lost, and nobody ever sees half of one.
//!
//! `make torture` does it a thousand times. `TORTURE_KILLS`, `TORTURE_SEED` and `TORTURE_FIRST` say how often, with
//! which seed and from which kill on: each is chosen by the seed and its number alone.

mod scene;

use std::time::{SystemTime, UNIX_EPOCH};

use scene::Scene;

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Client,
    Server,
    Line,
}

/// When.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// When so many more pieces of requests have passed.
    Asked(u64),
    /// When so many more bytes of answers have passed.
    Answered(u64),
    /// After so many milliseconds.
    Later(u64),
}

/// Numbers that look random, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn kill(&mut self) -> (Victim, Moment) {
        // After a killed client the next waits until its lease is over.
        let victim = match self.below(10) {
            0 | 1 => Victim::Client,
            2..=6 => Victim::Server,
            _ => Victim::Line,
        };
        let moment = match self.below(3) {
            0 => Moment::Asked(1 + self.below(8)),
            1 => Moment::Answered(1 + self.below(3_000)),
            _ => Moment::Later(self.below(300)),
        };
        (victim, moment)
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

#[test]
fn nothing_that_was_flushed_is_lost() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    let seed = number("TORTURE_SEED").unwrap_or(u64::from(now.subsec_nanos()));
    let kills = number("TORTURE_KILLS").unwrap_or(50);
    let first = number("TORTURE_FIRST").unwrap_or(0);
    println!("TORTURE_SEED={seed} TORTURE_FIRST={first} TORTURE_KILLS={kills}");
    let mut scene = Scene::new(seed);
    for kill in first..first + kills {
        let (victim, moment) = Chance(seed ^ kill.wrapping_mul(0x5851_f42d_4c95_7f2d)).kill();
        scene.progress();
        scene.kill(kill, victim, moment);
        scene.check();
        if (kill + 1) % 50 == 0 {
            println!("{}: {}", kill + 1, scene.report());
        }
    }
    scene.end();
    println!("{}", scene.report());
}
