package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"longtail/redirector/internal/account"
)

// An answer that holds a new API key is kept for a repetition like any other, or a caller whose connection broke would own
// a key that nobody knows, and his second try would make a second one. But keys are stored hashed, and nothing in the
// database opens the API: so this answer is kept encrypted with a key made from LONGTAIL_SECRET, which is not there, for
// the 24 h of every kept answer. Only the key that asked can have it again.

var errNotOpened = errors.New("the kept answer was sealed for somebody else, or under a secret that is gone")

// seal encrypts an answer to who.
func (s *server) seal(who account.Principal, idempotencyKey string, answer []byte) ([]byte, error) {
	if len(s.secrets) == 0 {
		return nil, errors.New("no LONGTAIL_SECRET to seal an answer with")
	}
	box, err := sealing(s.secrets[0])
	if err != nil {
		return nil, err
	}
	return box.Seal(nil, nil, answer, sealedFor(who, idempotencyKey)), nil
}

// open decrypts what was sealed for who, also under the secret before a rotation.
func (s *server) open(who account.Principal, idempotencyKey string, sealed []byte) ([]byte, error) {
	for _, master := range s.secrets {
		box, err := sealing(master)
		if err != nil {
			return nil, err
		}
		if answer, err := box.Open(nil, nil, sealed, sealedFor(who, idempotencyKey)); err == nil {
			return answer, nil
		}
	}
	return nil, errNotOpened
}

func sealing(master []byte) (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, master)
	mac.Write([]byte("longtail kept answer 1"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealedFor binds an answer to the key that asked and to its place.
func sealedFor(who account.Principal, idempotencyKey string) []byte {
	bound := binary.BigEndian.AppendUint32(nil, who.Account)
	bound = append(bound, who.Key[:]...)
	return append(bound, idempotencyKey...)
}
