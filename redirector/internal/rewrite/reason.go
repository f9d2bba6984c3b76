package rewrite

import "longtail/shared/link"

// A Reason says why a link was left as it is: a word of a closed set. The rules of a target are reasons, too.
type Reason string

// The reasons that are not rules of a target.
const (
	Off                Reason = "off"
	Unsubscribe        Reason = "unsubscribe"
	Mailto             Reason = "mailto"
	Tel                Reason = "tel"
	SMS                Reason = "sms"
	Anchor             Reason = "anchor"
	Empty              Reason = "empty"
	Scheme             Reason = "scheme"
	Relative           Reason = "relative"
	Tracked            Reason = "tracked"
	MergeTag           Reason = "merge_tag"
	MergeTagInPath     Reason = "merge_tag_in_path"
	MergeTagInName     Reason = "merge_tag_in_name"
	MergeTagInFragment Reason = "merge_tag_in_fragment"
	TargetHost         Reason = "target_host"
	Loop               Reason = "url_loop"
	NotStored          Reason = "not_stored"
)

// words explains each reason to people.
var words = map[Reason]string{
	Off:                `marked data-longtail="off"`,
	Unsubscribe:        "an unsubscribe link: recipients and mail providers must reach it directly",
	Mailto:             "writes a mail",
	Tel:                "makes a call",
	SMS:                "writes a message",
	Anchor:             "leads to a place in the mail itself",
	Empty:              "no address",
	Scheme:             "neither http nor https",
	Relative:           "no scheme and host",
	Tracked:            "leads to a tracking domain already",
	MergeTag:           "nothing but a merge tag: where it leads is known only when the mail is sent",
	MergeTagInPath:     "a merge tag in host or path: every recipient has another target",
	MergeTagInName:     "a merge tag in a query parameter without a name that can be passed on",
	MergeTagInFragment: "a merge tag behind #: only query parameters are passed on",
	TargetHost:         "the API key may not lead there",
	Loop:               "leads to a tracking domain of another account: a link to links leads nowhere",
	NotStored:          "the link could not be stored",

	link.RuleURLAbsolute:  "does not begin with http:// or https:// and a host",
	link.RuleURLScheme:    "neither http nor https",
	link.RuleURLUserinfo:  "holds a user name or password",
	link.RuleURLControl:   "holds control characters, or is not UTF-8",
	link.RuleURLLength:    "too long",
	link.RuleURLHost:      "no host that can exist",
	link.RuleURLPort:      "no port that can exist",
	link.RuleURLAmbiguous: "programs read it differently: a space, a backslash or a strange host",
}

// Words explains the reason to people.
func (r Reason) Words() string { return words[r] }

// Reasons is the closed set.
var Reasons = []Reason{
	Off, Unsubscribe, Mailto, Tel, SMS, Anchor, Empty, Scheme, Relative, Tracked, MergeTag, MergeTagInPath, MergeTagInName,
	MergeTagInFragment, TargetHost, Loop, NotStored, link.RuleURLAbsolute, link.RuleURLScheme, link.RuleURLUserinfo, link.RuleURLControl,
	link.RuleURLLength, link.RuleURLHost, link.RuleURLPort, link.RuleURLAmbiguous,
}
