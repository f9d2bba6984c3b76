package problem

import (
	"errors"

	"longtail/shared/link"
)

// The rules that are not the target's own: with those of package link the closed set of Rules.
const (
	RuleRequired     = "required"        // the field must be there
	RuleUnknown      = "unknown"         // no such field or parameter
	RuleType         = "type"            // another JSON type is wanted
	RuleJSON         = "json"            // the body or line is not a JSON object
	RuleUTF8         = "utf8"            // text is valid UTF-8
	RuleLength       = "length"          // too long, or too many
	RuleShape        = "shape"           // characters that the field cannot hold
	RuleRange        = "range"           // a number or a time outside its bounds
	RuleOneOf        = "one_of"          // a word of a fixed set is wanted
	RuleFixed        = "fixed"           // can never be changed
	RuleTime         = "time"            // RFC 3339 is wanted
	RuleZone         = "zone"            // an IANA time zone is wanted
	RuleOrder        = "order"           // from must lie before to
	RuleBorder       = "border"          // a border of this age falls on a quarter hour, or a minute
	RulePoints       = "points"          // too many points; the detail names a resolution that fits
	RuleCursor       = "cursor"          // not a cursor of this list
	RuleETag         = "etag"            // not an ETag of this API
	RuleTaken        = "taken"           // the code is or was in use
	RuleRefConflict  = "ref_conflict"    // the ref stands for another url
	RuleDomain       = "domain"          // not a domain of the account
	RuleDomainCode   = "domain_code"     // own codes only on own domains
	RuleDomainProof  = "domain_proof"    // nobody has proven yet that the domain is the account's
	RuleDomainUsed   = "domain_used"     // links or campaigns stand on it
	RuleTargetHost   = "target_host"     // the key is limited to other hosts
	RuleHostLocked   = "host_locked"     // the account's links keep the hosts of their targets
	RuleRole         = "role"            // nobody gives away more than he may do
	RuleURLLoop      = "url_loop"        // the target is on a tracking domain
	RuleCSV          = "csv"             // the body or line is not CSV as its header says
	RuleDeleted      = "deleted"         // a deleted link cannot be changed
	RuleIdempotency  = "idempotency"     // the key was used with another body
	RuleMediaType    = "media_type"      // another content type is wanted
	RuleMaxBytes     = "max_bytes"       // too many bytes
	RuleMaxLines     = "max_lines"       // too many lines
	RuleEncoding     = "encoding"        // the body is not what Content-Encoding says
	RuleCodeShape    = "code_shape"      // of package link
	RuleCodeReserved = "generated_shape" // of package link
)

// Rules is the closed set of rules, as the OpenAPI document lists it.
var Rules = []string{
	RuleRequired, RuleUnknown, RuleType, RuleJSON, RuleUTF8, RuleLength, RuleShape, RuleRange, RuleOneOf, RuleFixed,
	RuleTime, RuleZone, RuleOrder, RuleBorder, RulePoints, RuleCursor, RuleETag, RuleTaken, RuleRefConflict, RuleDomain,
	RuleDomainCode, RuleDomainProof, RuleDomainUsed, RuleTargetHost, RuleHostLocked, RuleRole, RuleURLLoop, RuleCSV, RuleDeleted, RuleIdempotency, RuleMediaType, RuleMaxBytes, RuleMaxLines, RuleEncoding, RuleCodeShape,
	RuleCodeReserved, link.RuleURLAbsolute, link.RuleURLScheme, link.RuleURLUserinfo, link.RuleURLControl,
	link.RuleURLLength, link.RuleURLHost, link.RuleURLPort, link.RuleURLAmbiguous,
	string(Unauthorized), string(Forbidden), string(NotFound), string(Running), string(Stale), string(RateLimited),
	string(Internal), string(Unavailable),
}

// Codes is the closed set of codes, as the OpenAPI document lists it.
var Codes = []Code{
	Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, Timeout, Taken, RefConflict, Running, Stale, TooLarge,
	MediaType, Invalid, RateLimited, Internal, Unavailable,
}

// Fields collects everything that is wrong with one request, so that it is told at once.
type Fields []Field

// Add notes that a field breaks a rule.
func (f *Fields) Add(field, rule, detail string) {
	*f = append(*f, Field{Field: field, Rule: rule, Detail: detail})
}

// Check notes the rule that err tells, if it is one.
func (f *Fields) Check(field string, err error) {
	if broken, ok := errors.AsType[*link.RuleError](err); ok {
		f.Add(field, broken.Rule, broken.Detail)
	}
}

// Err returns the problem of all fields, or nil.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return New(Invalid, f...)
}
