package spool

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"longtail/shared/click"
)

const dir = "/spool"

func diskOptions(p *proc) Options {
	o := testOptions(dir)
	o.FS = p
	return o
}

// restart opens a spool on the disk as a process that finds it, with what was left there in delivery.
func restart(t *testing.T, d *disk) (*Spool, *proc, []*Feed) {
	t.Helper()
	p := d.start()
	s, err := Open(t.Context(), diskOptions(p))
	if err != nil {
		t.Fatal(err)
	}
	return s, p, adopt(t, s)
}

// end kills the process and ends its goroutines.
func end(d *disk, p *proc, s *Spool) {
	d.kill(p)
	_ = s.Close() // a dead process's errors
}

// drainFeeds delivers until nothing is left of the feeds and returns the ids.
func drainFeeds(t *testing.T, s *Spool, feeds []*Feed) map[click.ID]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ids := map[click.ID]int{}
	for slices.ContainsFunc(feeds, (*Feed).undelivered) {
		d, err := s.Receive(ctx)
		if err != nil {
			t.Fatalf("feeds are not handed over: %v", err)
		}
		for _, id := range idsOf(t, d) {
			ids[id]++
		}
		d.Done(nil)
	}
	return ids
}

func (f *Feed) undelivered() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.confirmed < f.end || f.torn != nil
}

func (s *Spool) kept(kinds ...string) (n int) {
	for _, kind := range kinds {
		n += int(testutil.ToFloat64(s.metrics.quarantined.WithLabelValues(kind)))
	}
	return n
}

var allKinds = []string{kindDamaged, kindTorn, kindVersion, kindHeader}

// threeRecords returns a segment's name and bytes, its ids, and where each frame begins and the last one ends.
func threeRecords(t *testing.T) (name string, data []byte, ids []click.ID, at []int) {
	t.Helper()
	d := newDisk()
	p := d.start()
	s, err := Open(t.Context(), diskOptions(p))
	if err != nil {
		t.Fatal(err)
	}
	ids = appendN(t, s, 3)
	end(d, p, s)
	for n, node := range d.files(dir+"/0", ".seg") {
		name, data = n, node.data
	}
	for pos := headerSize; pos < len(data); pos += click.FrameHeader + int(binary.LittleEndian.Uint32(data[pos:])) {
		at = append(at, pos)
	}
	return name, data, ids, append(at, len(data))
}

// diskWith returns a disk that holds one segment.
func diskWith(t *testing.T, name string, data []byte) *disk {
	t.Helper()
	d := newDisk()
	if err := d.start().MkdirAll(dir + "/0"); err != nil {
		t.Fatal(err)
	}
	d.dirs[dir+"/0"].names[name] = &inode{name: name, data: slices.Clone(data)}
	return d
}

// survive opens the disk, appends two clicks, dies, opens it again and drains: what is found, how many records the first
// opening reported, and how many of the appended are missing.
func survive(t *testing.T, d *disk) (found map[click.ID]int, reported, missing int) {
	t.Helper()
	s, p, feeds := restart(t, d)
	later := appendN(t, s, 2)
	found = drainFeeds(t, s, feeds)
	reported = s.kept(allKinds...)
	end(d, p, s)
	s, p, feeds = restart(t, d)
	defer end(d, p, s)
	again := drainFeeds(t, s, feeds)
	for _, id := range later {
		if again[id] == 0 && found[id] == 0 {
			missing++
		}
	}
	maps.Copy(found, again)
	return found, reported, missing
}

func TestD9(t *testing.T) {
	name, data, ids, at := threeRecords(t)
	offsets, bits, lost, unreported, unreadable := 0, 0, 0, 0, 0
	check := func(d *disk, damaged int, harmless bool) {
		var found map[click.ID]int
		var reported, missing int
		synctest.Test(t, func(t *testing.T) { found, reported, missing = survive(t, d) })
		for i, id := range ids {
			if i != damaged && found[id] == 0 {
				lost++
			}
		}
		if !harmless && reported != 1 {
			unreported++
		}
		unreadable += missing
	}
	for cut := at[2]; cut <= at[3]; cut++ {
		offsets++
		damaged := 2
		if cut == at[3] {
			damaged = -1
		}
		check(diskWith(t, name, data[:cut]), damaged, cut == at[2] || cut == at[3])
	}
	for bit := range len(data) * 8 {
		bits++
		bad := slices.Clone(data)
		bad[bit/8] ^= 1 << (bit % 8)
		damaged := -1
		for i := range ids {
			if bit/8 >= at[i] && bit/8 < at[i+1] {
				damaged = i
			}
		}
		check(diskWith(t, name, bad), damaged, false)
	}
	t.Logf("offsets %d, bits %d: lost besides the damaged record %d, not reported %d, appended after recovery and unreadable after a second crash %d",
		offsets, bits, lost, unreported, unreadable)
	t.Logf("row: D9 struck=%d lost=%d what=\"a record cut at %d offsets and spoiled in %d bits\"", offsets+bits, lost+unreported+unreadable, offsets, bits)
	if lost+unreported+unreadable > 0 {
		t.Error("a damaged record cost more than itself")
	}
}

func TestD10(t *testing.T) { synctest.Test(t, corruptMiddles) }

func corruptMiddles(t *testing.T) {
	d := newDisk()
	p := d.start()
	o := diskOptions(p)
	o.SegmentBytes = 4 << 10
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ids := appendN(t, s, 300)
	end(d, p, s)
	damaged, newer := damageMiddles(d)
	began := time.Now()
	s, p, feeds := restart(t, d)
	opened := time.Since(began)
	found := drainFeeds(t, s, feeds)
	counted, reasons := s.kept(kindDamaged, kindVersion), s.o.Gaps.(*gaps).reasons()
	aside := len(d.files(dir+"/0/quarantine", ".bin"))
	end(d, p, s)
	lost := 0
	for _, id := range ids {
		if found[id] == 0 {
			lost++
		}
	}
	// The confirms are forgotten, so the same damage is met again: it is not kept or counted twice.
	for _, node := range d.files(dir+"/0", ".seg") {
		copy(node.data[offState:], (&header{}).encode()[offState:])
	}
	s, p, feeds = restart(t, d)
	again := drainFeeds(t, s, feeds)
	t.Logf("records 300, injected %d damaged and %d of a newer version: counter %d, gaps %d, delivered %d, lost besides them %d, opened in %s; a second time: counter %d, files %d, delivered %d",
		damaged, newer, counted, len(reasons), len(found), lost-damaged-newer, opened, s.kept(allKinds...), aside, len(again))
	t.Logf("row: D10 struck=%d acked=300 rows=%d lost=%d what=\"%d records damaged in the middle, %d of a newer version\"", damaged+newer, len(found), lost-damaged-newer, damaged, newer)
	if counted != damaged+newer || lost != damaged+newer || len(reasons) != damaged+newer || aside != damaged+newer {
		t.Error("the damage was not measured exactly")
	}
	if s.kept(allKinds...) != 0 || len(d.files(dir+"/0/quarantine", ".bin")) != aside || len(again) != len(found) {
		t.Error("the damage was set aside a second time")
	}
	end(d, p, s)
}

// damageMiddles flips a byte in the third frame of each segment and gives the sixth one a version of the future.
func damageMiddles(d *disk) (damaged, newer int) {
	for _, node := range d.files(dir+"/0", ".seg") {
		n := 0
		for pos := headerSize; pos < len(node.data); n++ {
			size := int(binary.LittleEndian.Uint32(node.data[pos:]))
			switch payload := node.data[pos+click.FrameHeader : pos+click.FrameHeader+size]; n {
			case 2:
				payload[30] ^= 0x40
				damaged++
			case 5:
				payload[1] = click.Version + 1
				binary.LittleEndian.PutUint32(node.data[pos+4:], click.Checksum(payload))
				newer++
			}
			pos += click.FrameHeader + size
		}
	}
	return damaged, newer
}

func TestASegmentOfANewerVersionIsKeptAndPassed(t *testing.T) {
	name, data, ids, _ := threeRecords(t)
	alien := slices.Clone(data)
	binary.LittleEndian.PutUint16(alien[offVersion:], version+1)
	binary.LittleEndian.PutUint32(alien[offSum:], click.Checksum(alien[:offSum]))
	d := diskWith(t, name, alien)
	s, p, feeds := restart(t, d)
	defer end(d, p, s)
	found := drainFeeds(t, s, feeds)
	if len(found) != 0 || s.kept(kindVersion) != len(ids) || !slices.Equal(s.o.Gaps.(*gaps).reasons(), []string{ReasonQuarantined}) {
		t.Errorf("found %d of %d, kept %d", len(found), len(ids), s.kept(kindVersion))
	}
	for _, node := range d.files(dir+"/0/quarantine", ".bin") {
		if !slices.Equal(node.data, data[headerSize:]) {
			t.Error("what was kept is not what was there")
		}
	}
}
