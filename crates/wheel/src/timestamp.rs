//! The date of a member: MS-DOS date and time (APPNOTE 4.4.6), in steps of two seconds.
//!
//! The format has no time zone. Dates made here are UTC, as `SOURCE_DATE_EPOCH` asks; dates of an
//! input wheel are kept as they are, whatever they were meant to be.

use std::fmt;

const SECONDS_PER_DAY: i64 = 86_400;

/// A member's date. Ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp {
    // In this order a later time is a greater value.
    date: u16,
    time: u16,
}

impl Timestamp {
    /// 1980-01-01 00:00:00, the first the format can say.
    pub const EPOCH_1980: Self = Self { date: 0x0021, time: 0 };
    /// 2107-12-31 23:59:58, the last.
    pub const LAST: Self = Self { date: 0xff9f, time: 0xbf7d };

    /// `seconds` since 1970 in UTC, clamped to 1980..=2107; odd seconds are rounded down.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        let days = seconds.div_euclid(SECONDS_PER_DAY);
        let (year, month, day) = civil(days);
        if year < 1980 {
            return Self::EPOCH_1980;
        }
        if year > 2107 {
            return Self::LAST;
        }
        let second = seconds.rem_euclid(SECONDS_PER_DAY);
        let date = ((year - 1980) << 9) | (month << 5) | day;
        let time = ((second / 3600) << 11) | ((second / 60 % 60) << 5) | (second % 60 / 2);
        match (u16::try_from(date), u16::try_from(time)) {
            (Ok(date), Ok(time)) => Self { date, time },
            _ => Self::LAST,
        }
    }

    /// From the two fields of a header, whatever they hold.
    pub(crate) fn from_dos(date: u16, time: u16) -> Self {
        Self { date, time }
    }

    pub(crate) fn dos_date(self) -> u16 {
        self.date
    }

    pub(crate) fn dos_time(self) -> u16 {
        self.time
    }
}

impl fmt::Display for Timestamp {
    /// As `2024-03-01 12:30:58`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.date, self.time);
        let (year, month, day) = (1980 + (date >> 9), date >> 5 & 15, date & 31);
        let (hour, minute, second) = (time >> 11, time >> 5 & 63, (time & 31) * 2);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// Year, month and day of a day counted from 1970-01-01 in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is a year's last; 400 of them are always
/// 146,097 days.
fn civil(days: i64) -> (i64, i64, i64) {
    // 719,468 days lie between 0000-03-01 and 1970-01-01. Far ends only need to be far.
    let days = days.clamp(-10_000_000, 10_000_000) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_times_become_dos_dates_within_their_range() {
        for (seconds, text) in [
            (0, "1980-01-01 00:00:00"),
            (i64::MIN, "1980-01-01 00:00:00"),
            (315_532_800, "1980-01-01 00:00:00"),
            (315_532_799, "1980-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:58"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_709_294_459, "2024-03-01 12:00:58"),
            (4_354_819_199, "2107-12-31 23:59:58"),
            (4_354_819_200, "2107-12-31 23:59:58"),
            (i64::MAX, "2107-12-31 23:59:58"),
        ] {
            assert_eq!(Timestamp::from_unix(seconds).to_string(), text, "{seconds}");
        }
    }

    #[test]
    fn later_times_compare_greater() {
        assert!(Timestamp::from_unix(1_000_000_000) < Timestamp::from_unix(1_000_000_002));
        assert!(Timestamp::EPOCH_1980 < Timestamp::LAST);
    }
}
