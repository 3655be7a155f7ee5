//! What a reading is: a metric with its samples.

/// How values of a metric behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until what counts is started anew.
    Counter,
    /// Any value.
    Gauge,
    /// Always 1: the labels are what it says.
    Info,
}

/// The words of `environment_readings` that choose what is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Processors, memory, disks and network as a whole.
    System,
    /// File systems by their mount points.
    Disks,
    /// The telemetry client itself, and checks.
    Telemetry,
    /// When certificates end.
    Certificates,
    /// Installed packages; no series, but a list.
    Packages,
}

/// What a metric gives away, and so who may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sensitivity {
    /// Numbers without names.
    Numbers,
    /// Names that an administrator gave.
    GivenNames,
}

/// A metric as it is documented.
#[derive(Debug)]
pub struct Metric {
    /// Its name, without the ending that a format gives samples of its kind.
    pub name: &'static str,
    /// How its values behave.
    pub kind: Kind,
    /// Unit, which is the end of the name; empty for none.
    pub unit: &'static str,
    /// By which word it is pushed.
    pub group: Group,
    /// Whom it is for.
    pub sensitivity: Sensitivity,
    /// What it says.
    pub help: &'static str,
}

/// A value. Counters of bytes are larger than what a double holds exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Whole(u64),
    /// Any other.
    Real(f64),
}

/// A value, and what distinguishes it from the others of its metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Names and values of labels.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: Number,
}

/// A metric with its samples.
#[derive(Clone, Debug)]
pub struct Family {
    /// Which.
    pub metric: &'static Metric,
    /// Its values.
    pub samples: Vec<Sample>,
}

impl Sample {
    /// A value without labels.
    pub fn plain(value: impl Into<Number>) -> Self {
        Self { labels: Vec::new(), value: value.into() }
    }

    /// A value with one label.
    pub fn labelled(label: &'static str, word: impl Into<String>, value: impl Into<Number>) -> Self {
        Self { labels: vec![(label, word.into())], value: value.into() }
    }

    /// The same with a label more.
    #[must_use]
    pub fn and(mut self, label: &'static str, word: impl Into<String>) -> Self {
        self.labels.push((label, word.into()));
        self
    }
}

impl Family {
    /// A metric of one value; none where that is not known.
    pub fn one(metric: &'static Metric, value: Option<impl Into<Number>>) -> Self {
        Self { metric, samples: value.map(Sample::plain).into_iter().collect() }
    }

    /// A metric with a value for each word of a label; those that are not known are left out.
    pub fn by<N: Into<Number>>(
        metric: &'static Metric,
        label: &'static str,
        values: impl IntoIterator<Item = (&'static str, Option<N>)>,
    ) -> Self {
        let samples =
            values.into_iter().filter_map(|(word, value)| Some(Sample::labelled(label, word, value?)));
        Self { metric, samples: samples.collect() }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Number::Whole(value)
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Number::Whole(value.into())
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Number::Real(value)
    }
}
