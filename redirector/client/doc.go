// Package client is Longtail's API for Go programs: links one by one and by the hundred thousand, mails rewritten,
// recipients signed, figures read.
//
// The types are generated from the server's OpenAPI document (make client). Every call that is safe to repeat is repeated
// when the server is away, busy or over the key's rate: GET always, and the making of a link because it carries an
// Idempotency-Key. What the server refuses comes back as a *Problem, which names each field and the rule that it breaks.
//
// The package uses nothing but the standard library.
package client
