package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

var (
	errDead = errors.New("the process is dead")
	errIO   = errors.New("input/output error")
)

// A disk is a file system that remembers what of it would survive a loss of power: the content that was synced, under the
// names that were synced. Processes see it through their own proc.
type disk struct {
	mu    sync.Mutex
	dirs  map[string]*folder
	locks map[string]*proc
	calls int
	died  time.Time // when dieAt struck
	// before is asked before each call that changes something; an error is the call's.
	before func(p *proc, call string) error
	points map[string]int // calls by name
}

type folder struct {
	durable  bool // its own name is
	names    map[string]*inode
	survives map[string]*inode
}

type inode struct {
	name           string // for failpoints
	data, survives []byte
	pending        []write // since the last sync
	failed         bool    // a sync failed: what was pending then is lost for good
	syncsAfter     int     // syncs after that
}

type write struct {
	at   int64
	data []byte
}

func newDisk() *disk {
	return &disk{dirs: map[string]*folder{"/": newFolder(true)}, locks: map[string]*proc{}, points: map[string]int{}}
}

func newFolder(durable bool) *folder {
	return &folder{durable: durable, names: map[string]*inode{}, survives: map[string]*inode{}}
}

// A proc is one process's view: dead, it can do nothing more.
type proc struct {
	d    *disk
	dead bool
}

// fault sets what is asked before each call; nil = nothing.
func (d *disk) fault(before func(p *proc, call string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = before
}

func (d *disk) start() *proc { return &proc{d: d} }

// kill ends a process; what it wrote stays.
func (d *disk) kill(p *proc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.dead = true
	maps.DeleteFunc(d.locks, func(_ string, owner *proc) bool { return owner == p })
}

// powerLoss ends all processes and drops what was not synced: all of it, or a random part when r is given, as a real
// disk may have kept any of it.
func (d *disk) powerLoss(r *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.locks)
	for path, dir := range d.dirs {
		if !d.lasting(path) {
			delete(d.dirs, path)
			continue
		}
		for name, node := range dir.names {
			if r != nil && r.IntN(2) == 0 && dir.survives[name] != node {
				dir.survives[name] = node
			}
		}
		dir.names = maps.Clone(dir.survives)
	}
	for _, dir := range d.dirs {
		for _, node := range dir.names {
			node.lose(r)
		}
	}
}

func (d *disk) lasting(path string) bool {
	for ; path != "/"; path = filepath.Dir(path) {
		if dir := d.dirs[path]; dir == nil || !dir.durable {
			return false
		}
	}
	return true
}

func (n *inode) lose(r *rand.Rand) {
	for _, w := range n.pending {
		if r == nil || r.IntN(2) == 0 {
			continue
		}
		if r.IntN(4) == 0 && w.at > 0 { // torn; a header's sector is not
			w.data = w.data[:r.IntN(len(w.data)+1)]
		}
		n.survives = put(n.survives, w.at, w.data)
	}
	n.pending, n.data = nil, slices.Clone(n.survives)
}

func put(data []byte, at int64, b []byte) []byte {
	if grow := int(at) + len(b) - len(data); grow > 0 {
		data = append(data, make([]byte, grow)...)
	}
	copy(data[at:], b)
	return data
}

// change is the start of each call that changes something. It returns with the disk locked, or with an error.
func (p *proc) change(call, path string) error {
	p.d.mu.Lock()
	name := call + " " + kindOf(path)
	p.d.calls++
	var err error
	if p.dead {
		err = errDead
	} else if p.d.before != nil {
		err = p.d.before(p, name)
	}
	if p.dead {
		err = errDead
	}
	if err != nil {
		p.d.mu.Unlock()
		return err
	}
	p.d.points[name]++
	return nil
}

// kindOf names what a path is, so that failpoints have names.
func kindOf(path string) string {
	switch base := filepath.Base(path); filepath.Ext(base) {
	case ".seg":
		return "segment"
	case ".bin":
		return "quarantined"
	case ".tmp":
		kind, _, _ := strings.Cut(base, ".")
		return kind
	}
	return "folder"
}

func (p *proc) MkdirAll(dir string) error {
	if err := p.change("mkdir", dir); err != nil {
		return err
	}
	defer p.d.mu.Unlock()
	for ; p.d.dirs[dir] == nil; dir = filepath.Dir(dir) {
		p.d.dirs[dir] = newFolder(false)
	}
	return nil
}

func (p *proc) ReadDir(dir string) ([]string, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.dead || p.d.dirs[dir] == nil {
		return nil, errors.Join(errDead, fs.ErrNotExist)
	}
	names := slices.Collect(maps.Keys(p.d.dirs[dir].names))
	for path := range p.d.dirs {
		if filepath.Dir(path) == dir && path != dir {
			names = append(names, filepath.Base(path))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (p *proc) Create(path string) (File, error) {
	if err := p.change("create", path); err != nil {
		return nil, err
	}
	defer p.d.mu.Unlock()
	node := &inode{name: path}
	p.d.dirs[filepath.Dir(path)].names[filepath.Base(path)] = node
	return &handle{p: p, node: node}, nil
}

func (p *proc) Open(path string) (File, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	dir := p.d.dirs[filepath.Dir(path)]
	if p.dead || dir == nil || dir.names[filepath.Base(path)] == nil {
		return nil, fmt.Errorf("open %s: %w", path, fs.ErrNotExist)
	}
	return &handle{p: p, node: dir.names[filepath.Base(path)]}, nil
}

func (p *proc) Rename(from, to string) error {
	if err := p.change("rename", from); err != nil {
		return err
	}
	defer p.d.mu.Unlock()
	dir := p.d.dirs[filepath.Dir(from)]
	node := dir.names[filepath.Base(from)]
	node.name = to
	dir.names[filepath.Base(to)] = node
	delete(dir.names, filepath.Base(from))
	return nil
}

func (p *proc) Remove(path string) error {
	if err := p.change("remove", path); err != nil {
		return err
	}
	defer p.d.mu.Unlock()
	delete(p.d.dirs[filepath.Dir(path)].names, filepath.Base(path))
	return nil
}

func (p *proc) SyncDir(path string) error {
	if err := p.change("sync", path); err != nil {
		return err
	}
	defer p.d.mu.Unlock()
	dir := p.d.dirs[path]
	dir.survives = maps.Clone(dir.names)
	for sub, folder := range p.d.dirs {
		if filepath.Dir(sub) == path {
			folder.durable = true
		}
	}
	return nil
}

func (p *proc) Lock(path string) (func() error, bool, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.dead {
		return nil, false, errDead
	}
	if p.d.locks[path] != nil {
		return nil, false, nil
	}
	p.d.locks[path] = p
	return func() error {
		p.d.mu.Lock()
		defer p.d.mu.Unlock()
		if p.d.locks[path] == p {
			delete(p.d.locks, path)
		}
		return nil
	}, true, nil
}

func (p *proc) Capacity(string) (int64, error) { return 1 << 40, nil }

type handle struct {
	p    *proc
	node *inode
}

func (h *handle) ReadAt(b []byte, off int64) (int, error) {
	h.p.d.mu.Lock()
	defer h.p.d.mu.Unlock()
	if h.p.dead {
		return 0, errDead
	}
	if off >= int64(len(h.node.data)) {
		return 0, io.EOF
	}
	n := copy(b, h.node.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(b []byte, off int64) (int, error) {
	what := "write frames of"
	switch {
	case off == 0 && len(b) == headerSize:
		what = "write header of"
	case off == offState && len(b) == stateSize:
		what = "write checkpoint of"
	}
	if err := h.p.change(what, h.node.name); err != nil {
		return 0, err
	}
	defer h.p.d.mu.Unlock()
	h.node.data = put(h.node.data, off, b)
	h.node.pending = append(h.node.pending, write{off, slices.Clone(b)})
	return len(b), nil
}

func (h *handle) Sync() error {
	err := h.p.change("sync", h.node.name)
	if err == nil {
		defer h.p.d.mu.Unlock()
	} else if !errors.Is(err, errIO) {
		return err
	} else {
		h.p.d.mu.Lock()
		defer h.p.d.mu.Unlock()
	}
	if h.node.failed {
		h.node.syncsAfter++
	}
	if err != nil { // the pages are marked clean: no later sync brings them to the disk
		h.node.failed, h.node.pending = true, nil
		return err
	}
	for _, w := range h.node.pending {
		h.node.survives = put(h.node.survives, w.at, w.data)
	}
	h.node.pending = nil
	return nil
}

func (h *handle) Allocate(int64) error {
	if err := h.p.change("allocate", h.node.name); err != nil {
		return err
	}
	h.p.d.mu.Unlock()
	return nil
}

func (h *handle) Truncate(size int64) error {
	if err := h.p.change("truncate", h.node.name); err != nil {
		return err
	}
	defer h.p.d.mu.Unlock()
	h.node.data = h.node.data[:size]
	h.node.pending, h.node.survives = nil, slices.Clone(h.node.data) // as if it were synced: what is cut is never missed
	return nil
}

func (h *handle) Size() (int64, error) {
	h.p.d.mu.Lock()
	defer h.p.d.mu.Unlock()
	return int64(len(h.node.data)), nil
}

func (h *handle) Close() error { return nil }

// files returns the inodes of a folder whose names end in ext, by name.
func (d *disk) files(dir, ext string) map[string]*inode {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := map[string]*inode{}
	if d.dirs[dir] != nil {
		for name, node := range d.dirs[dir].names {
			if filepath.Ext(name) == ext {
				found[name] = node
			}
		}
	}
	return found
}
