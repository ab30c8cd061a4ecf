"""The tables behind the API, one file per resource."""
