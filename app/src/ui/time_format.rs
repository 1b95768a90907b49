//! Times as people read them, at the reader's offset from UTC. Pure: the reader's day is a parameter,
//! and unknown until the browser has told it.

use time::{Date, Month, OffsetDateTime, Weekday};

use crate::domain::Timestamp;

const DAY_MILLIS: i64 = 86_400_000;
/// The Julian day of 1970-01-01.
const EPOCH_JULIAN_DAY: i32 = 2_440_588;

/// The reader's day of a point in time: days since 1970-01-01.
pub fn day_number(time: Timestamp, offset_minutes: i32) -> i64 {
    time.as_millis().saturating_add(i64::from(offset_minutes) * 60_000).div_euclid(DAY_MILLIS)
}

/// The time of day: `09:05`.
pub fn clock(time: Timestamp, offset_minutes: i32) -> String {
    let at = time.at_offset(offset_minutes);
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// Day and time in full, where there is room or no context: `7 August 2025, 14:32`.
pub fn full(time: Timestamp, offset_minutes: i32) -> String {
    let at = time.at_offset(offset_minutes);
    format!("{}, {}", long_date(at), clock(time, offset_minutes))
}

/// The beginning of the reader's day that a field of a date gives as `2025-08-07`; nothing if it is no date.
pub fn day_start(text: &str, offset_minutes: i32) -> Option<Timestamp> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    if parts.next().is_some() || !(1970..=9999).contains(&date.year()) {
        return None;
    }
    let days = date.to_julian_day() - EPOCH_JULIAN_DAY;
    Some(Timestamp::from_millis(i64::from(days) * DAY_MILLIS - i64::from(offset_minutes) * 60_000))
}

/// When somebody was last there: in minutes, then by the day. `now` is by the server's clock, as `time` is.
pub fn last_seen(time: Timestamp, now: Timestamp, offset_minutes: i32, today: Option<i64>) -> String {
    let minutes = now.as_millis().saturating_sub(time.as_millis()).max(0) / 60_000;
    match minutes {
        0 => return "Last seen just now".into(),
        1 => return "Last seen a minute ago".into(),
        2..=59 => return format!("Last seen {minutes} minutes ago"),
        _ => {}
    }
    let day = day_number(time, offset_minutes);
    let (date, clock) = (date_of(day), clock(time, offset_minutes));
    match today.map(|today| today - day) {
        Some(0) => format!("Last seen today at {clock}"),
        Some(1) => format!("Last seen yesterday at {clock}"),
        Some(2..=6) => format!("Last seen on {} at {clock}", weekday(date.weekday())),
        _ => format!("Last seen on {}", long_date(date)),
    }
}

/// What stands above the first message of a day.
pub fn day_label(day: i64, today: Option<i64>) -> String {
    match today.map(|today| today - day) {
        Some(0) => "Today".into(),
        Some(1) => "Yesterday".into(),
        _ => {
            let date = date_of(day);
            format!("{}, {}", weekday(date.weekday()), long_date(date))
        }
    }
}

/// When a chat was last active, as short as it can be told apart.
pub fn list_time(time: Timestamp, offset_minutes: i32, today: Option<i64>) -> String {
    let day = day_number(time, offset_minutes);
    let date = date_of(day);
    match today.map(|today| today - day) {
        Some(0) => clock(time, offset_minutes),
        Some(1) => "Yesterday".into(),
        Some(2..=6) => weekday(date.weekday()).into(),
        Some(_) if today.is_some_and(|today| date_of(today).year() == date.year()) => short_date(date),
        Some(_) => format!("{} {}", short_date(date), date.year()),
        None => short_date(date),
    }
}

fn date_of(day: i64) -> OffsetDateTime {
    Timestamp::from_millis(day.saturating_mul(DAY_MILLIS)).at_offset(0)
}

fn long_date(at: OffsetDateTime) -> String {
    format!("{} {} {}", at.day(), month(at.month()), at.year())
}

fn short_date(at: OffsetDateTime) -> String {
    format!("{} {}", at.day(), &month(at.month())[..3])
}

fn month(month: Month) -> &'static str {
    match month {
        Month::January => "January",
        Month::February => "February",
        Month::March => "March",
        Month::April => "April",
        Month::May => "May",
        Month::June => "June",
        Month::July => "July",
        Month::August => "August",
        Month::September => "September",
        Month::October => "October",
        Month::November => "November",
        Month::December => "December",
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-08-07T22:31:30Z, a Thursday.
    const LATE: Timestamp = Timestamp::from_millis(1_754_605_890_000);
    const DAY: i64 = 20_307;

    #[test]
    fn a_day_is_the_readers() {
        assert_eq!(day_number(LATE, 0), DAY);
        assert_eq!(day_number(LATE, 330), DAY + 1);
        assert_eq!(clock(LATE, 330), "04:01");
        assert_eq!(full(LATE, -120), "7 August 2025, 20:31");
        assert_eq!(day_number(Timestamp::from_millis(-1), 0), -1);
    }

    #[test]
    fn a_day_begins_at_the_readers_midnight() {
        let start = |text, offset| day_start(text, offset).map(Timestamp::as_millis);
        assert_eq!(start("1970-01-01", 0), Some(0));
        assert_eq!(start("1970-01-02", 330), Some(DAY_MILLIS - 330 * 60_000));
        let at = day_start("2025-08-08", 330).unwrap_or_default();
        assert_eq!((day_number(at, 330), full(at, 330).as_str()), (DAY + 1, "8 August 2025, 00:00"));
        for text in
            ["", "2025-08", "2025-02-30", "2025-08-07-01", "x-y-z", "-1-01-01", "1969-12-31", "12025-01-01"]
        {
            assert_eq!(start(text, 0), None, "{text}");
        }
    }

    #[test]
    fn a_days_label_is_as_near_as_the_day() {
        assert_eq!(day_label(DAY, Some(DAY)), "Today");
        assert_eq!(day_label(DAY, Some(DAY + 1)), "Yesterday");
        assert_eq!(day_label(DAY, Some(DAY + 2)), "Thursday, 7 August 2025");
        assert_eq!(day_label(DAY, None), "Thursday, 7 August 2025");
    }

    #[test]
    fn when_somebody_was_last_there_is_said_as_near_as_it_was() {
        let after = |minutes: i64, today| {
            let now = Timestamp::from_millis(LATE.as_millis() + minutes * 60_000);
            last_seen(LATE, now, 0, today)
        };
        assert_eq!(after(0, Some(DAY)), "Last seen just now");
        assert_eq!(after(-3, None), "Last seen just now", "a clock that was read a moment ago");
        assert_eq!(after(1, None), "Last seen a minute ago");
        assert_eq!(after(59, Some(DAY + 1)), "Last seen 59 minutes ago");
        assert_eq!(after(60, Some(DAY)), "Last seen today at 22:31");
        assert_eq!(after(600, Some(DAY + 1)), "Last seen yesterday at 22:31");
        assert_eq!(after(5_000, Some(DAY + 3)), "Last seen on Thursday at 22:31");
        assert_eq!(after(50_000, Some(DAY + 34)), "Last seen on 7 August 2025");
        assert_eq!(after(600, None), "Last seen on 7 August 2025", "the reader's day is not known yet");
    }

    #[test]
    fn a_list_says_the_time_as_short_as_it_can() {
        let at = |today| list_time(LATE, 0, today);
        assert_eq!(at(Some(DAY)), "22:31");
        assert_eq!(at(Some(DAY + 1)), "Yesterday");
        assert_eq!(at(Some(DAY + 6)), "Thursday");
        assert_eq!(at(Some(DAY + 7)), "7 Aug");
        assert_eq!(at(Some(DAY + 300)), "7 Aug 2025");
        assert_eq!(at(None), "7 Aug");
        // A clock that is behind the server's.
        assert_eq!(at(Some(DAY - 1)), "7 Aug");
    }
}
