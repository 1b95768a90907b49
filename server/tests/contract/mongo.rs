//! The MongoDB store: the contract, and what only it promises.
//!
//! Needs a replica set under `MONGODB_URL` (`scripts/services.sh start` makes one); without it every test
//! here fails. Each scenario has a database of its own, which goes with it.

use mongodb::{
    Database,
    bson::{Document, doc},
};

use fixture::{MongoFixture, empty};

mod abandoned;
mod files;
mod fixture;
mod lost_answers;
mod markers;
mod nodes;
mod older_nodes;
mod queries;
mod rolled_back;
mod schema;
mod searching;

/// All documents of a collection.
async fn all(database: &Database, collection: &str) -> Vec<Document> {
    use futures::TryStreamExt;
    database.collection(collection).find(doc! {}).await.unwrap().try_collect().await.unwrap()
}

contract!(MongoFixture);
