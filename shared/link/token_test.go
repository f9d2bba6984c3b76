package link

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"testing"
)

func TestTokenVector(t *testing.T) {
	var key CampaignKey
	for i := range key {
		key[i] = byte(i)
	}
	if got := key.Token("r-18273"); got != "r-18273.d240fec7273c2d14b5dba4365108172e" {
		t.Error(got)
	}
}

func TestVerify(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	key, old := NewCampaignKey(secret, 1, "spring"), NewCampaignKey([]byte("another secret"), 1, "spring")
	token := key.Token("R-1")
	for _, c := range []struct{ token, want string }{
		{token, "r-1"}, {strings.ToUpper(token), "r-1"}, {old.Token("x"), "x"},
		{token[:len(token)-1], ""}, {token + "0", ""}, {token + "%27", ""}, {"r-2" + token[3:], ""}, {"", ""}, {".", ""},
		{otherCampaign(secret).Token("R-1"), ""}, {"a@b." + strings.Repeat("0", 32), ""},
	} {
		if got, ok := Verify(c.token, key, old); got != c.want || ok != (c.want != "") {
			t.Errorf("%q: %q %v, want %q", c.token, got, ok, c.want)
		}
	}
}

// otherCampaign is the key of another campaign.
func otherCampaign(secret []byte) *CampaignKey {
	k := NewCampaignKey(secret, 1, "autumn")
	return &k
}

func TestS7Forgeries(t *testing.T) {
	key := NewCampaignKey([]byte("0123456789abcdef0123456789abcdef"), 1, "spring")
	accepted := 0
	for range 100_000 {
		var tag [16]byte
		rand.Read(tag[:])
		if _, ok := Verify("r-1."+hex.EncodeToString(tag[:]), key); ok {
			accepted++
		}
	}
	if accepted != 0 {
		t.Errorf("%d forged tags were accepted", accepted)
	}
}

func FuzzVerify(f *testing.F) {
	key := NewCampaignKey([]byte("0123456789abcdef0123456789abcdef"), 1, "spring")
	f.Add(key.Token("r-1"))
	f.Add("r-1.")
	f.Fuzz(func(t *testing.T, token string) {
		who, ok := Verify(token, key)
		if ok && strings.ToLower(token) != key.Token(who) {
			t.Errorf("%q credits %q", token, who)
		}
	})
}
