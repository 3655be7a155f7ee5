//! Views on PostgreSQL: by a login of their own, since a query can leave a role that was set for it.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls};

use super::connection::Server;
use super::fault::Fault;
use crate::storage::Purpose;
use crate::storage::sql::Value;
use crate::storage::view::{PUBLISHED, Table, VIEW_ROWS, VIEW_TIME, ViewError};

/// Rows that the server sends at a time.
const ROWS_AT_A_TIME: i32 = 256;

/// Runs a view on a connection of its own. With `checks`, only if its login can read nothing but what is published.
pub(super) fn run(server: &Server, sql: &str, checks: bool) -> Result<Table, ViewError> {
    let failed = |fault: Fault| ViewError::Failed(fault.to_string());
    let mut connection = server.connect(Purpose::Query).map_err(failed)?;
    let work = async |client: &mut Client| {
        let cancel = client.cancel_token();
        let answer = tokio::time::timeout(VIEW_TIME, ask(client, sql, checks)).await;
        if answer.is_err() {
            // The server goes on otherwise. Over TLS the connection's end does the same, later.
            let _ = cancel.cancel_query(NoTls).await;
        }
        Ok(answer.unwrap_or(Err(ViewError::TooSlow)))
    };
    connection.run(work).map_err(failed)?
}

async fn ask(client: &mut Client, sql: &str, checks: bool) -> Result<Table, ViewError> {
    let failed = |error: tokio_postgres::Error| match error.as_db_error() {
        Some(error) if error.code().code() == "57014" => ViewError::TooSlow,
        Some(error) if error.code().code() == "42501" => ViewError::Forbidden(error.message().to_owned()),
        Some(error) => ViewError::Failed(error.message().to_owned()),
        None => ViewError::Failed(error.to_string()),
    };
    if checks {
        check_login(client).await?;
    }
    let time =
        format!("SET statement_timeout = {}; SET default_transaction_read_only = on", VIEW_TIME.as_millis());
    client.batch_execute(&time).await.map_err(failed)?;
    let transaction = client.build_transaction().read_only(true).start().await.map_err(failed)?;
    // One statement alone can be prepared.
    let statement = transaction.prepare(sql).await.map_err(failed)?;
    let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    let mut table = Table { columns, ..Table::default() };
    let portal = transaction.bind(&statement, &[]).await.map_err(failed)?;
    let mut bytes = 0;
    while !table.is_cut && table.rows.len() <= VIEW_ROWS {
        let rows = transaction.query_portal(&portal, ROWS_AT_A_TIME).await.map_err(failed)?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            if !table.add(values(row)?, &mut bytes) {
                break;
            }
        }
    }
    Ok(table)
}

/// A login that can read more is refused: what it may not, the server alone keeps it from.
async fn check_login(client: &Client) -> Result<(), ViewError> {
    let query = "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls \
            OR pg_has_role(current_user, 'pg_read_server_files', 'MEMBER') \
            OR pg_has_role(current_user, 'pg_execute_server_program', 'MEMBER'), \
        coalesce((SELECT string_agg(c.relname::text, ', ') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
            AND n.nspname NOT LIKE 'pg_toast%' AND NOT (c.relkind = 'v' AND c.relname = ANY ($1)) \
            AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')), '') \
        FROM pg_roles WHERE rolname = current_user";
    let published: Vec<String> = PUBLISHED.map(str::to_owned).to_vec();
    let row = client.query_one(query, &[&published]).await;
    let row = row.map_err(|error| ViewError::Failed(error.to_string()))?;
    let read = |error: tokio_postgres::Error| ViewError::Failed(error.to_string());
    let (powerful, others): (bool, String) = (row.try_get(0).map_err(read)?, row.try_get(1).map_err(read)?);
    if powerful {
        return Err(ViewError::Forbidden(
            "the login of --views-database has rights of an administrator".to_owned(),
        ));
    }
    if !others.is_empty() {
        let others: String = others.chars().take(200).collect();
        return Err(ViewError::Forbidden(format!("the login of --views-database has rights on {others}")));
    }
    Ok(())
}

fn values(row: &tokio_postgres::Row) -> Result<Vec<Value>, ViewError> {
    let mut values = Vec::with_capacity(row.len());
    for (at, column) in row.columns().iter().enumerate() {
        let wrong =
            |error: tokio_postgres::Error| ViewError::Failed(format!("column {}: {error}", column.name()));
        values.push(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(at).map_err(wrong)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(at).map_err(wrong)?.map(i64::from).into(),
            Type::INT2 => row.try_get::<_, Option<i16>>(at).map_err(wrong)?.map(i64::from).into(),
            Type::BOOL => row.try_get::<_, Option<bool>>(at).map_err(wrong)?.map(i64::from).into(),
            Type::FLOAT8 => {
                row.try_get::<_, Option<f64>>(at).map_err(wrong)?.map(|number| number.to_string()).into()
            }
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR | Type::UNKNOWN => {
                row.try_get::<_, Option<String>>(at).map_err(wrong)?.into()
            }
            ref other => {
                let advice = "cast it to bigint, double precision or text";
                return Err(ViewError::Failed(format!("column {} is {other}; {advice}", column.name())));
            }
        });
    }
    Ok(values)
}
