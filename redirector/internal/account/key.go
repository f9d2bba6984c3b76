// Package account says who asks: API keys, their roles, and the account for which they speak.
//
// Place on the click's way: before it; every link that is clicked was made by a key of an account.
package account

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"strings"
)

// A key's text is "lt_", 8 characters of id, 26 of secret (154 random bits) and 6 of checksum, all base62:
//
//	lt_ k3J9s0aB 7fQ...26...x1 0aZ9c2
//
// The id finds the row, SHA-256 of the whole text proves the secret, and the checksum lets a secret scanner or a typing
// mistake be told without a lookup.
const (
	keyPrefix   = "lt_"
	idLen       = 8
	secretLen   = 26
	checksumLen = 6
	keyLen      = len(keyPrefix) + idLen + secretLen + checksumLen

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// KeyID is the public part of a key, 8 characters of base62. The bootstrap key's is all zero.
type KeyID [idLen]byte

// String returns the characters, or "bootstrap".
func (id KeyID) String() string {
	if id == (KeyID{}) {
		return "bootstrap"
	}
	return string(id[:])
}

// newKey returns the text of a fresh key.
func newKey() string {
	body := keyPrefix + randomText(idLen+secretLen)
	return body + checksum(body)
}

// parseKey returns the id of a key's text, if it has the shape and the checksum of one.
func parseKey(text string) (KeyID, bool) {
	if len(text) != keyLen || !strings.HasPrefix(text, keyPrefix) {
		return KeyID{}, false
	}
	body := text[:keyLen-checksumLen]
	if checksum(body) != text[keyLen-checksumLen:] {
		return KeyID{}, false
	}
	id := KeyID([]byte(body[len(keyPrefix):][:idLen]))
	for _, c := range id {
		if strings.IndexByte(base62, c) < 0 {
			return KeyID{}, false
		}
	}
	return id, true
}

// ParseKeyID reads what KeyID.String wrote.
func ParseKeyID(text string) (KeyID, bool) {
	if len(text) != idLen || strings.Trim(text, base62) != "" {
		return KeyID{}, false
	}
	return KeyID([]byte(text)), true
}

func hash(text string) [32]byte { return sha256.Sum256([]byte(text)) }

func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	var digits [checksumLen]byte
	for i := checksumLen - 1; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return string(digits[:])
}

// randomText returns n characters of base62, every one equally likely.
func randomText(n int) string {
	text := make([]byte, 0, n)
	for len(text) < n {
		var b [64]byte
		rand.Read(b[:])
		for _, c := range b {
			if c &= 63; c < 62 && len(text) < n {
				text = append(text, base62[c])
			}
		}
	}
	return string(text)
}
