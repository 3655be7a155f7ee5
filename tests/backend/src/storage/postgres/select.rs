//! Queries that both engines understand.

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{GenericClient, Statement};

use super::fault::Fault;
use crate::storage::{Row, Value};

/// The rows of a query. It is planned each time: what it is about differs from one time to the next.
pub(super) async fn select(
    client: &impl GenericClient,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Row>, Fault> {
    let typed: Vec<(&(dyn ToSql + Sync), Type)> =
        values.iter().map(|value| -> (&(dyn ToSql + Sync), Type) { (value, type_of(value)) }).collect();
    client.query_typed(sql, &typed).await?.iter().map(row).collect()
}

/// Prepares a statement for values of these kinds.
pub(super) async fn prepare(
    client: &impl GenericClient,
    sql: &str,
    values: &[Value],
) -> Result<Statement, Fault> {
    let types: Vec<Type> = values.iter().map(type_of).collect();
    Ok(client.prepare_typed(sql, &types).await?)
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::Int(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
        // Whatever stands there.
        Value::Null => Type::UNKNOWN,
    }
}

/// A row as both engines have it.
pub(super) fn row(row: &tokio_postgres::Row) -> Result<Row, Fault> {
    Ok(Row::new(values(row)?))
}

/// The columns of a row.
pub(super) fn values(row: &tokio_postgres::Row) -> Result<Vec<Value>, Fault> {
    let mut values = Vec::with_capacity(row.len());
    for (at, column) in row.columns().iter().enumerate() {
        values.push(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(at)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(at)?.map(i64::from).into(),
            Type::INT2 => row.try_get::<_, Option<i16>>(at)?.map(i64::from).into(),
            Type::BOOL => row.try_get::<_, Option<bool>>(at)?.map(i64::from).into(),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(at)?.into(),
            _ => row.try_get::<_, Option<String>>(at)?.into(),
        });
    }
    Ok(values)
}
