"""The API's contract: what each address takes and answers, enforced where it can be, and published as OpenAPI 3.1."""
