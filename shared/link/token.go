package link

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strconv"
	"strings"
)

// Sizes of a recipient token.
const (
	MaxRecipient = 64
	TagLen       = 32 // hexadecimal digits
)

// A CampaignKey signs the recipients of one campaign. Email platforms hold it and sign without a call.
type CampaignKey [32]byte

// NewCampaignKey derives the key of an account's campaign:
// HMAC-SHA256(secret, "longtail token 1" 0x00 account in decimal 0x00 campaign id).
func NewCampaignKey(secret []byte, account uint32, campaign string) CampaignKey {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("longtail token 1\x00" + strconv.FormatUint(uint64(account), 10) + "\x00" + campaign))
	return CampaignKey(mac.Sum(nil))
}

// Tag returns the first 32 hexadecimal digits of HMAC-SHA256(key, lower-case recipient).
func (k *CampaignKey) Tag(recipient string) string {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte(strings.ToLower(recipient)))
	return hex.EncodeToString(mac.Sum(nil)[:TagLen/2])
}

// Token returns recipient.tag, what stands behind the code in a tracked URL.
func (k *CampaignKey) Token(recipient string) string { return recipient + "." + k.Tag(recipient) }

// Verify returns the recipient, in lower case, whom the token names under one of the keys. A token that was folded to
// another case is still good; one that was cut, or signed for another campaign, is not.
func Verify(token string, keys ...CampaignKey) (recipient string, ok bool) {
	recipient, tag, found := strings.Cut(strings.ToLower(token), ".")
	if !found || len(tag) != TagLen || !ValidRecipient(recipient) {
		return "", false
	}
	for i := range keys {
		if subtle.ConstantTimeCompare([]byte(keys[i].Tag(recipient)), []byte(tag)) == 1 {
			return recipient, true
		}
	}
	return "", false
}

// ValidRecipient reports whether s can name a recipient: 1 to 64 of A-Z a-z 0-9 - _. An address never can.
func ValidRecipient(s string) bool {
	if len(s) < 1 || len(s) > MaxRecipient {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !alphanumeric(c) && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// Keyring returns the keys under which a campaign's tokens are valid: that of the present secret, which signs, and that
// of the previous one while it is set.
func Keyring(secret, previous []byte) func(account uint32, campaign string) []CampaignKey {
	return func(account uint32, campaign string) []CampaignKey {
		keys := []CampaignKey{NewCampaignKey(secret, account, campaign)}
		if previous != nil {
			keys = append(keys, NewCampaignKey(previous, account, campaign))
		}
		return keys
	}
}

// ID names the key without telling it: the first 16 hexadecimal digits of its SHA-256.
func (k *CampaignKey) ID() string {
	sum := sha256.Sum256(k[:])
	return hex.EncodeToString(sum[:8])
}
