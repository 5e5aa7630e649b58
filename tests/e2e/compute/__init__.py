"""Steps that run elsewhere: on stand-ins for compute backends, with a real object store between them and the worker."""
