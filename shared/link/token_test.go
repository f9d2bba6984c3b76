package link

import (
	"encoding/hex"
	"strconv"
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

// TestS7Forgeries: no single bit of a tag can be another one, under neither of two keys.
func TestS7Forgeries(t *testing.T) {
	key, old := NewCampaignKey([]byte("0123456789abcdef0123456789abcdef"), 1, "spring"), NewCampaignKey([]byte("another secret"), 1, "spring")
	accepted, tried := 0, 0
	for n := 0; tried < 1_000_000; n++ {
		recipient := "r-" + strconv.Itoa(n)
		tag, err := hex.DecodeString(key.Tag(recipient))
		if err != nil || len(tag)*8 < 128 {
			t.Fatalf("%d bits, %v", len(tag)*8, err)
		}
		for bit := range len(tag) * 8 {
			tag[bit/8] ^= 1 << (bit % 8)
			if _, ok := Verify(recipient+"."+hex.EncodeToString(tag), key, old); ok {
				accepted++
			}
			tag[bit/8] ^= 1 << (bit % 8)
			tried++
		}
	}
	t.Logf("S7: %d tags with one wrong bit, %d accepted", tried, accepted)
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
