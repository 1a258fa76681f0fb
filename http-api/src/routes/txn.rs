//! `POST /v1/txn`.

use aerodb_core::wal::Op;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use bytes::Bytes;

use crate::code::Code;
use crate::envelope::Answer;
use crate::extract::{Deadline, NoParams, Params, Principal, check_key, read_json};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::threads::RequestThread;
use crate::types::{
    Condition, Expect, TxnCondition, TxnOp, TxnRequest, Write, WriteKind, WriteReceipt, Written,
};

fn key(key: String) -> Result<Bytes, Problem> {
    check_key(&key)?;
    Ok(Bytes::from(key))
}

fn condition(condition: TxnCondition) -> Result<Condition, Problem> {
    let expect = condition.commit_id.map_or(Expect::Absent, Expect::Version);
    Ok(Condition { key: key(condition.key)?, expect })
}

fn op(op: TxnOp, value_bytes_max: usize) -> Result<Op, Problem> {
    match op {
        TxnOp::Put { key: name, value, encoding } => {
            let value = encoding.decode(value).ok_or_else(|| {
                Problem::new(Code::InvalidRequest, format!("the value of {name:?} is not base64"))
            })?;
            if value.len() > value_bytes_max {
                let detail = format!("the value of {name:?} has more than {value_bytes_max} bytes");
                return Err(Problem::new(Code::TooLarge, detail));
            }
            Ok(Op::Put { key: key(name)?, value })
        }
        TxnOp::Delete { key: name } => Ok(Op::Delete { key: key(name)? }),
    }
}

pub(crate) async fn txn<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
    deadline: Deadline,
    principal: Principal,
    thread: RequestThread,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer<WriteReceipt>, Problem> {
    let request: TxnRequest = read_json(&headers, body, api.limits.txn_bytes_max, deadline).await?;
    if request.ops.is_empty() {
        return Err(Problem::new(Code::InvalidRequest, "ops must hold at least one operation"));
    }
    let conditions = request.conditions.into_iter().map(condition).collect::<Result<_, _>>()?;
    let bytes_max = api.limits.value_bytes_max;
    let ops = request.ops.into_iter().map(|it| op(it, bytes_max)).collect::<Result<_, _>>()?;
    let Deadline(deadline) = deadline;
    let write = Write { kind: WriteKind::Txn, conditions, ops, deadline, principal, thread };
    let Written { commit_id, epoch, durability } = api.port.write(write).await?;
    Ok(Answer { data: WriteReceipt { key: None, commit_id, epoch, durability } })
}
