package ingest

import (
	"longtail/shared/classify"
	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// Foretell returns what judging will make of a click of a campaign with these keys: whom it is credited to and how it is
// labelled, by which rule. It knows nothing of what the store may say later.
func Foretell(c *click.Click, keys []link.CampaignKey) (token storage.Token, recipient string, class storage.Class, rule classify.Rule) {
	token, recipient = credit(c, keys)
	class, rule = label(c)
	return token, recipient, class, rule
}
