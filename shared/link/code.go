package link

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"strings"
)

// Alphabet holds the 32 characters of generated codes: digits and lower-case letters without i, l, o and u.
const Alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// Lengths of codes.
const (
	GeneratedLen = 12 // 10 random characters and 2 of check
	MinCustom    = 3
	MaxCustom    = 64

	randomLen = 10
)

// A CodeKey makes and checks generated codes. It is made once per installation and kept in memory: with it 99.9 % of
// guesses die without a lookup. It guards no secret of a link.
type CodeKey [32]byte

// New returns a random code: 50 random bits and a check of 10 bits.
func (k *CodeKey) New() string {
	var b [GeneratedLen]byte
	rand.Read(b[:randomLen])
	for i := range randomLen {
		b[i] = Alphabet[b[i]&31]
	}
	b[10], b[11] = k.check(b[:randomLen])
	return string(b[:])
}

// Checks reports whether a code of the generated shape carries the right check.
func (k *CodeKey) Checks(code string) bool {
	if !Generated(code) {
		return false
	}
	x, y := k.check([]byte(code[:randomLen]))
	return code[10] == x && code[11] == y
}

func (k *CodeKey) check(random []byte) (byte, byte) {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte("longtail code 1\x00"))
	mac.Write(random)
	sum := mac.Sum(nil)
	return Alphabet[sum[0]&31], Alphabet[sum[1]&31]
}

// Generated reports whether code has the shape of a generated one: 12 characters of Alphabet.
func Generated(code string) bool {
	if len(code) != GeneratedLen {
		return false
	}
	for i := range len(code) {
		if strings.IndexByte(Alphabet, code[i]) < 0 {
			return false
		}
	}
	return true
}

// WellShaped reports whether code, in lower case, can be a code at all: 3 to 64 of a-z 0-9 - _, first and last a
// letter or a digit. What is not well-shaped is answered without a lookup.
func WellShaped(code string) bool {
	if len(code) < MinCustom || len(code) > MaxCustom {
		return false
	}
	for i := range len(code) {
		c := code[i]
		edge := i == 0 || i == len(code)-1
		if !alphanumeric(c) && (edge || c != '-' && c != '_') {
			return false
		}
	}
	return true
}

// ForeignShaped reports whether code, in lower case, can be one of another maker: 1 to 64 of a-z 0-9 - _ in any order.
// Such codes are looked up on the domains that were told to have them.
func ForeignShaped(code string) bool {
	if len(code) < 1 || len(code) > MaxCustom {
		return false
	}
	for i := range len(code) {
		if c := code[i]; !alphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' }

// Custom returns a caller's own code in lower case, or the rule that it breaks: code_shape or generated_shape.
func Custom(code string) (string, error) {
	code = strings.ToLower(code)
	if !WellShaped(code) {
		return "", &RuleError{"code_shape", "a code has 3 to 64 characters of a-z, 0-9, - and _, and begins and ends with a letter or a digit"}
	}
	if Generated(code) {
		return "", &RuleError{"generated_shape", "12 characters of the generated alphabet are kept for generated codes; add or remove a character"}
	}
	return code, nil
}

// Foreign returns a code of another maker in lower case, or the rule that it breaks: code_shape.
func Foreign(code string) (string, error) {
	code = strings.ToLower(code)
	if !ForeignShaped(code) {
		return "", &RuleError{"code_shape", "a code of another tracker has 1 to 64 characters of a-z, 0-9, - and _"}
	}
	return code, nil
}
