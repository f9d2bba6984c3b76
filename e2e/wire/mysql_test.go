package wire

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A packet of MySQL's protocol.
func packet(payload string) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), 0}, payload...)
}

// Packets are found however the stream is cut into pieces.
func TestPacketsInPieces(t *testing.T) {
	payloads := []string{"\x03BEGIN", "\x03INSERT '\x07\x00\x00\x00\x03COMMIT'", "\x03COMMIT", "\x03" + strings.Repeat("x", 300), "\x0e", "\x03COMMIT"}
	var stream []byte
	var want []string
	for _, payload := range payloads {
		stream = append(stream, packet(payload)...)
		want = append(want, payload[:min(len(payload), startBytes)])
	}
	stream = append(stream, packet("")...) // of no payload: it is over before it begins
	stream = append(stream, packet("\x03SELECT 1")...)
	want = append(want, "\x03SELECT 1")
	for size := 1; size <= len(stream); size++ {
		var p packets
		var got []string
		for piece := range slices.Chunk(stream, size) {
			p.read(piece, func(start string) { got = append(got, start) })
		}
		if !slices.Equal(got, want) {
			t.Fatalf("pieces of %d: %q; want %q", size, got, want)
		}
	}
}

func TestAtCommit(t *testing.T) {
	for _, c := range []struct {
		moment Moment
		insert string
		want   []Fate
	}{
		{Never, "INSERT INTO clicks", []Fate{Forward, Forward, Forward, Forward}},
		{BeforeCommit, "INSERT INTO clicks", []Fate{Forward, Forward, CutBefore}},
		{AfterCommit, "INSERT INTO clicks", []Fate{Forward, Forward, CutAfter}},
		{BeforeOK, "INSERT INTO clicks", []Fate{Forward, Forward, Forward, CutBefore}},
		{BeforeOK, "UPDATE workers", []Fate{Forward, Forward, Forward, Forward}},
	} {
		t.Run(fmt.Sprint(c.moment, " of ", c.insert), func(t *testing.T) {
			hook := AtCommit("INSERT INTO clicks", func() Moment { return c.moment })(nil)
			steps := []struct {
				way   Direction
				piece []byte
			}{{Up, packet("\x03" + c.insert)}, {Down, packet("\x00")}, {Up, packet("\x03COMMIT")}, {Down, packet("\x00")}}
			var got []Fate
			for _, step := range steps {
				fate := hook(step.way, step.piece)
				if got = append(got, fate); fate != Forward {
					break
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("fates %v; want %v", got, c.want)
			}
		})
	}
}
