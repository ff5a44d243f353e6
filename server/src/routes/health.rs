//! `GET /health`: for load balancers and start scripts.

pub(crate) async fn get() -> &'static str {
    "ok\n"
}
