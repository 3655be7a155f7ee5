//! Answers queries.

use std::error::Error;

use tokio_postgres::Client;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::fault::Fault;
use super::partition::day_of;
use super::row;
use crate::filter::Filter;
use crate::limits::MAX_ANSWER_BYTES;
use crate::record::StoredRecord;
use crate::storage::condition::{Conditions, Names};
use crate::storage::sql::Value;

/// The server has statistics, and decides by them.
const NAMES: Names = Names { class_range: "classification", reception: "ts_reception" };

/// Rows that the server sends at a time: few enough that they may be large.
const ROWS_AT_A_TIME: i32 = 32;

/// The records that match, newest id first.
pub(super) async fn query(
    client: &mut Client,
    filter: &Filter,
    now_secs: i64,
) -> Result<Vec<StoredRecord>, Fault> {
    let conditions = conditions(filter, now_secs);
    let query = conditions.query(row::COLUMNS, filter.limit);
    let values = values(&conditions);
    let transaction = client.transaction().await?;
    let portal = transaction.bind(&query, &values).await?;
    let mut records = Vec::new();
    let mut bytes = 0;
    while bytes <= MAX_ANSWER_BYTES {
        let rows = transaction.query_portal(&portal, ROWS_AT_A_TIME).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let record = row::read(&row)?;
            if bytes <= MAX_ANSWER_BYTES {
                bytes += record.record.payload.len();
                records.push(record);
            }
        }
    }
    transaction.commit().await?;
    Ok(records)
}

/// How many of the newest that match there are, and the last id among them.
pub(super) async fn count(
    client: &mut Client,
    filter: &Filter,
    now_secs: i64,
) -> Result<(i64, Option<i64>), Fault> {
    let conditions = conditions(filter, now_secs);
    let row = client.query_one(&conditions.count_query(filter.limit), &values(&conditions)).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

fn conditions(filter: &Filter, now_secs: i64) -> Conditions {
    let mut conditions = Conditions::new(filter, now_secs, NAMES);
    if let Some(since_secs) = filter.received_since_secs(now_secs) {
        // Leaves out the partitions of earlier days.
        let day = day_of(since_secs);
        conditions.add_fixed(format!("(day >= {day} OR day = 0)"));
    }
    conditions
}

fn values(conditions: &Conditions) -> Vec<&(dyn ToSql + Sync)> {
    conditions.values.iter().map(|value| -> &(dyn ToSql + Sync) { value }).collect()
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Int(number) if *ty == Type::INT2 => i16::try_from(*number)?.to_sql(ty, out),
            Self::Int(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Self::Int(number) => number.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
            Self::Bytes(bytes) => bytes.to_sql(ty, out),
            Self::Null => Ok(IsNull::Yes),
        }
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT2, Type::INT4, Type::INT8, Type::TEXT, Type::BYTEA, Type::UNKNOWN].contains(ty)
    }

    to_sql_checked!();
}
