//! What a test asks for, as text: `NAME`, `NAME[512]`, `NAME:3`, `NAME[512]:3`.

use super::{Index, Point};

/// A place, and which coming to it is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) point: Point,
    pub(super) index: Option<u64>,
    /// The process comes there so many times, the last one included.
    pub(super) times: u64,
}

impl Asked {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (place, times) = text.rsplit_once(':').unwrap_or((text, "1"));
        let (name, index) = match place.split_once('[') {
            Some((name, rest)) => (name, Some(rest.strip_suffix(']').unwrap_or(rest))),
            None => (place, None),
        };
        let point = named(name)?;
        if index.is_some() && point.index() == Index::None {
            return Err(format!("{name} has no index"));
        }
        let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
        let index = index.map(number).transpose()?;
        let times = number(times)?;
        if times == 0 {
            return Err("nothing happens for the 0th time".to_owned());
        }
        Ok(Self { point, index, times })
    }

    /// Whether it is this place, at this index.
    pub(super) fn is(&self, point: Point, index: Option<u64>) -> bool {
        self.point == point && (self.index.is_none() || index.is_none() || self.index == index)
    }
}

pub(super) fn named(name: &str) -> Result<Point, String> {
    let found = Point::ALL.iter().copied().find(|point| point.name() == name);
    found.ok_or_else(|| format!("there is no crash point {name:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_asked_for_by_name_index_and_time() {
        let asked = |point, index, times| Ok(Asked { point, index, times });
        assert_eq!(Asked::parse("val.mid"), asked(Point::ValMid, None, 1));
        assert_eq!(Asked::parse("val.mid:3"), asked(Point::ValMid, None, 3));
        assert_eq!(Asked::parse("wal.mid_write[7]"), asked(Point::WalMidWrite, Some(7), 1));
        assert_eq!(Asked::parse("rec.step[9]:2"), asked(Point::RecStep, Some(9), 2));
        for wrong in ["", "val.mid:0", "val.mid[1]", "val.mid:x", "wal.mid_write[x]", "nowhere"] {
            assert!(Asked::parse(wrong).is_err(), "{wrong}");
        }
    }
}
