package ingest

import (
	"longtail/shared/click"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// Foretell returns what judging will make of a click of a campaign with these keys: whom it is credited to and how it is
// labelled. It knows nothing of what the store may say later.
func Foretell(c *click.Click, keys []link.CampaignKey) (token storage.Token, recipient string, class storage.Class) {
	token, recipient = credit(c, keys)
	class, _ = label(c)
	return token, recipient, class
}
