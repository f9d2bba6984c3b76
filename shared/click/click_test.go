package click

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"longtail/shared/click/clickpb"
)

func sample() Click {
	c := Click{
		Link: 18273, Ordinal: 7, Account: 1, Campaign: 42, Domain: 1, Method: GET, Flags: Prefetch | Tail,
		Token: "r-18273.d240fec7273c2d14b5dba4365108172e", IP: "192.0.2.0", UserAgent: "Mozilla/5.0 \xff\xfe", Referrer: "https://mail.example/\x00",
	}
	for i := range c.ID {
		c.ID[i] = byte(i + 1)
	}
	c.ID.stamp(1_795_000_000_000)
	return c
}

// golden is the frame of sample: what lies on somebody's disk may never read differently.
//
//go:embed testdata/frame.1.hex
var golden string

func TestGolden(t *testing.T) {
	c := sample()
	if got := hex.EncodeToString(AppendFrame(nil, &c)); got != strings.TrimSpace(golden) {
		t.Errorf("the format changed:\n got %s\nwant %s", got, golden)
	}
	frame, err := hex.DecodeString(strings.TrimSpace(golden))
	if err != nil {
		t.Fatal(err)
	}
	payload, _, err := Next(frame)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(payload); err != nil || got != c {
		t.Errorf("golden frame reads %+v, %v", got, err)
	}
}

func TestTheGeneratedCodeReadsTheSame(t *testing.T) {
	c := sample()
	payload, _, err := Next(AppendFrame(nil, &c))
	if err != nil {
		t.Fatal(err)
	}
	var p clickpb.Click
	if err := proto.Unmarshal(payload, &p); err != nil {
		t.Fatal(err)
	}
	back := Click{
		ID: ID(p.Id), Link: p.Link, Ordinal: p.Ordinal, Account: p.Account, Campaign: p.Campaign, Domain: p.Domain, Method: Method(p.Method),
		Flags: Flags(p.Flags), Token: string(p.Token), IP: string(p.Ip), UserAgent: string(p.UserAgent), Referrer: string(p.Referrer),
	}
	if back != c || p.Version != Version {
		t.Errorf("generated code read %+v\nwant %+v", back, c)
	}
	theirs, err := proto.MarshalOptions{Deterministic: true}.Marshal(&p)
	if err != nil || !bytes.Equal(theirs, payload) {
		t.Errorf("generated code writes %x, we write %x (%v)", theirs, payload, err)
	}
}

func TestDecodeIsTheInverse(t *testing.T) {
	c := sample()
	for _, change := range []func(*Click){
		func(*Click) {},
		func(c *Click) { *c = Click{ID: c.ID, Method: HEAD} },
		func(c *Click) { c.UserAgent = strings.Repeat("x", MaxUserAgent) },
	} {
		want := c
		change(&want)
		frame := AppendFrame([]byte("before"), &want)
		payload, size, err := Next(frame[6:])
		if err != nil || size != len(frame)-6 {
			t.Fatalf("Next: %d %v", size, err)
		}
		got, err := Decode(payload)
		if err != nil || got != want {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	}
}

func TestEveryDamageIsSeen(t *testing.T) {
	c := sample()
	frame := AppendFrame(nil, &c)
	for n := range len(frame) {
		if _, _, err := Next(frame[:n]); !errors.Is(err, ErrTruncated) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	for bit := range len(frame) * 8 {
		bad := bytes.Clone(frame)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, _, err := Next(bad); err == nil {
			t.Fatalf("bit %d flipped: no error", bit)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	c := sample()
	payload := AppendFrame(nil, &c)[FrameHeader:]
	newer := bytes.Clone(payload)
	newer[1] = Version + 1
	if got, err := Decode(newer); !errors.Is(err, ErrVersion) || got.ID != c.ID {
		t.Errorf("newer version: %v, id %s", err, got.ID)
	}
	for name, b := range map[string][]byte{
		"no id":      {8, 1, 64, 1},
		"short id":   {8, 1, 18, 1, 9, 64, 1},
		"cut":        payload[:len(payload)-1],
		"method":     append(bytes.Clone(payload), 64, 9),
		"bad tag":    {0xff, 0xff},
		"empty":      {},
		"long agent": append(bytes.Clone(payload), append([]byte{98, 0x81, 0x04}, make([]byte, 513)...)...),
	} {
		if _, err := Decode(b); !errors.Is(err, ErrPayload) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCut(t *testing.T) {
	c := Click{UserAgent: strings.Repeat("u", 600), Referrer: strings.Repeat("r", 1025), Token: strings.Repeat("t", 98), IP: strings.Repeat("1", 40)}
	c.Cut()
	if len(c.UserAgent) != 512 || len(c.Referrer) != 1024 || len(c.Token) != 97 || c.IP != "" || c.Flags != CutUserAgent|CutReferrer|CutToken {
		t.Errorf("%+v", c)
	}
}

func TestAppendFrameAllocatesNothing(t *testing.T) {
	c := sample()
	buf := make([]byte, 0, MaxFrame)
	if n := testing.AllocsPerRun(100, func() { buf = AppendFrame(buf[:0], &c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestID(t *testing.T) {
	ms := time.Date(2026, 11, 24, 23, 59, 59, 999e6, time.UTC).UnixMilli()
	id := NewID(ms)
	if id.MS() != ms || id.Day() != 20261124 || id[6]>>4 != 7 || id[8]>>6 != 2 {
		t.Errorf("%s: ms %d day %d", id, id.MS(), id.Day())
	}
	if back, err := ParseID(id.String()); err != nil || back != id {
		t.Errorf("ParseID: %s %v", back, err)
	}
	if _, err := ParseID("xyz"); err == nil {
		t.Error("ParseID took xyz")
	}
}

func TestClockNeverFalls(t *testing.T) {
	c := NewClockAt(time.Now().Add(-time.Hour))
	if d := time.Now().UnixMilli() - c.MS(); d < -5 || d > 1000 {
		t.Errorf("an hour of monotonic time is off by %d ms", d)
	}
	floor := c.MS() + 5000
	c.Raise(floor)
	c.Raise(floor - 100)
	if got := c.MS(); got != floor {
		t.Errorf("MS = %d below its floor %d", got, floor)
	}
}

func FuzzDecode(f *testing.F) {
	c := sample()
	f.Add(AppendFrame(nil, &c)[FrameHeader:])
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := Decode(payload)
		if err != nil {
			return
		}
		again, _, err := Next(AppendFrame(nil, &c))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(again); err != nil || back != c {
			t.Fatalf("%+v became %+v, %v", c, back, err)
		}
	})
}

func BenchmarkAppendFrame(b *testing.B) {
	c := sample()
	buf := make([]byte, 0, MaxFrame)
	for b.Loop() {
		buf = AppendFrame(buf[:0], &c)
	}
}

func BenchmarkDecode(b *testing.B) {
	c := sample()
	payload := AppendFrame(nil, &c)[FrameHeader:]
	for b.Loop() {
		if _, err := Decode(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewID(b *testing.B) {
	for b.Loop() {
		NewID(1)
	}
}
