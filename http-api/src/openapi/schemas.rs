//! The schemas of what is read and of what is sent, each collected once.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

/// Where schemas stand in the document.
const PLACE: &str = "/components/schemas";

/// Two generators: what is read may leave out what is always sent.
#[derive(Debug)]
pub(super) struct Schemas {
    read: SchemaGenerator,
    sent: SchemaGenerator,
}

fn settings() -> SchemaSettings {
    let mut settings = SchemaSettings::draft2020_12();
    PLACE.clone_into(&mut settings.definitions_path.to_mut());
    settings
}

impl Schemas {
    pub(super) fn new() -> Self {
        Self {
            read: settings().for_deserialize().into_generator(),
            sent: settings().for_serialize().into_generator(),
        }
    }

    /// What is read from requests.
    pub(super) fn read<T: JsonSchema>(&mut self) -> Value {
        self.read.subschema_for::<T>().to_value()
    }

    /// What is sent in answers.
    pub(super) fn sent<T: JsonSchema>(&mut self) -> Value {
        self.sent.subschema_for::<T>().to_value()
    }

    /// The schema of this type itself, not a reference to it.
    pub(super) fn written_out<T: JsonSchema>(&mut self) -> Value {
        T::json_schema(&mut self.read).to_value()
    }

    /// All schemas that were referred to. No type has one schema read and another sent: what is in requests and
    /// what is in answers are types of their own.
    pub(super) fn collected(mut self) -> Map<String, Value> {
        let mut all = self.sent.take_definitions(true);
        for (name, schema) in self.read.take_definitions(true) {
            all.entry(name).or_insert(schema);
        }
        all
    }
}
