package quarantine

import (
	"crypto/sha256"
	"fmt"

	"longtail/shared/click"
)

// A frame is one click of the message, as far as it can be read.
type frame struct {
	id    click.ID // the event's, or the hash of bytes that have none
	click click.Click
	err   error // it cannot be decoded: ingest dead-letters it
	body  []byte
}

// split cuts a message into its frames. Bytes that are no frame are one more, the last.
func split(rest []byte) []frame {
	var frames []frame
	for len(rest) > 0 {
		payload, size, err := click.Next(rest)
		f := frame{err: err, body: rest}
		if err == nil {
			f.body = rest[:size:size]
			f.click, f.err = decode(payload)
			f.id = f.click.ID
		}
		if f.id == (click.ID{}) {
			sum := sha256.Sum256(f.body)
			copy(f.id[:], sum[:])
		}
		frames = append(frames, f)
		rest = rest[len(f.body):]
	}
	return frames
}

func decode(payload []byte) (c click.Click, err error) {
	defer func() {
		if p := recover(); p != nil {
			c, err = click.Click{}, fmt.Errorf("%w: decoding it panicked: %v", click.ErrPayload, p)
		}
	}()
	return click.Decode(payload)
}
