package api

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"longtail/shared/link"
)

// TestTokensTellNobody is P11: a token holds no address, plain or in base64, and what two accounts send one person has
// nothing in common but the name that each of them chose.
func TestTokensTellNobody(t *testing.T) {
	r := newRig(t, nil)
	token := func(key string) string {
		got := into[struct {
			Keys []struct {
				Hex string `json:"key_hex"`
			}
		}](t, r.want(200, r.ask("GET", "/api/v1/campaigns/spring/signing-keys", "", "Authorization: Bearer "+key)).body)
		raw, err := hex.DecodeString(got.Keys[0].Hex)
		if err != nil || len(raw) != len(link.CampaignKey{}) {
			t.Fatal(err)
		}
		campaign := link.CampaignKey(raw)
		return campaign.Token("r-18273")
	}
	one, other := token(bootstrap), token(r.keys.other)
	_, tagOne, _ := strings.Cut(one, ".")
	_, tagOther, _ := strings.Cut(other, ".")
	for i := range len(tagOne) - 7 {
		if strings.Contains(tagOther, tagOne[i:i+8]) {
			t.Errorf("%s and %s have %s in common", one, other, tagOne[i:i+8])
		}
	}
	const address = "ann@mail.example"
	for _, hidden := range []string{address, "r-18273@", base64.RawURLEncoding.EncodeToString([]byte(address)), hex.EncodeToString([]byte(address))} {
		if strings.Contains(one, hidden) {
			t.Errorf("%s tells %s", one, hidden)
		}
	}
	if link.ValidRecipient(address) {
		t.Error("an address can name a recipient")
	}
}
