package wire

import (
	"fmt"
	"slices"
	"testing"
)

// A packet of MySQL's protocol.
func packet(payload string) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), 0}, payload...)
}

// The COMMIT is found however the stream is cut into pieces, and only where it is a command of its own.
func TestCommitInPieces(t *testing.T) {
	stream := slices.Concat(packet("\x03BEGIN"), packet("\x03INSERT '\x07\x00\x00\x00\x03COMMIT'"), packet(""), packet("\x03COMMIT and more"),
		packet("\x03COMMI"), packet("\x03COMMIT"), packet("\x03SELECT 1"), packet("\x03COMMIT"))
	for size := 1; size <= len(stream); size++ {
		var p packets
		var at []int
		for offset := 0; offset < len(stream); offset += size {
			if p.end(stream[offset:min(offset+size, len(stream))], commitQuery) {
				at = append(at, offset/size)
			}
		}
		first := len(stream) - len(packet("\x03COMMIT")) - len(packet("\x03SELECT 1")) - 1
		want := slices.Compact([]int{first / size, (len(stream) - 1) / size})
		if !slices.Equal(at, want) {
			t.Fatalf("pieces of %d: found in pieces %v; want %v", size, at, want)
		}
	}
}

func TestAtCommit(t *testing.T) {
	for moment, want := range map[Moment][]Fate{
		Never:        {Forward, Forward, Forward, Forward},
		BeforeCommit: {Forward, Forward, CutBefore},
		AfterCommit:  {Forward, Forward, CutAfter},
		BeforeOK:     {Forward, Forward, Forward, CutBefore},
	} {
		t.Run(fmt.Sprint(moment), func(t *testing.T) {
			hook := AtCommit(func() Moment { return moment })(nil)
			var got []Fate
			for _, step := range []struct {
				way   Direction
				piece []byte
			}{{Up, packet("\x03BEGIN")}, {Down, packet("\x00")}, {Up, packet("\x03COMMIT")}, {Down, packet("\x00")}} {
				fate := hook(step.way, step.piece)
				if got = append(got, fate); fate != Forward {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("fates %v; want %v", got, want)
			}
		})
	}
}
