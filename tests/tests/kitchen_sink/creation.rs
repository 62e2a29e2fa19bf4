//! What a request that spends credits is asked for before it is sent.

pub mod omission {
    use crate::call::Error;
    use crate::operation::Operation;
    use crate::types::ThingRequest;

    pub fn check(operation: &'static Operation, request: &ThingRequest) -> Result<(), Error> {
        match request.name.as_str() {
            "" => Err(Error::invalid_request(operation, "a name is missing")),
            _ => Ok(()),
        }
    }
}
