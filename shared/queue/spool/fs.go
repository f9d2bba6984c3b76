package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"golang.org/x/sys/unix"
)

// An FS is what the spool asks of a file system. A fake one can drop what was not synced.
type FS interface {
	MkdirAll(dir string) error
	// ReadDir returns the sorted names in dir.
	ReadDir(dir string) ([]string, error)
	// Create makes a new file; Open opens an existing one. Both read and write.
	Create(path string) (File, error)
	Open(path string) (File, error)
	Rename(from, to string) error
	Remove(path string) error
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
	// Lock takes the lock that path stands for without waiting; ok is false when another process has it.
	Lock(path string) (unlock func() error, ok bool, err error)
	// Capacity returns the bytes of the disk under dir.
	Capacity(dir string) (int64, error)
}

// A File is one segment's file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the file's content and length durable.
	Sync() error
	// Allocate reserves the disk's space up to size without changing the file's length.
	Allocate(size int64) error
	Truncate(size int64) error
	Size() (int64, error)
}

// OS is the operating system's file system.
type OS struct{}

// MkdirAll makes dir and what leads to it.
func (OS) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o750) }

// ReadDir lists dir.
func (OS) ReadDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	sort.Strings(names)
	return names, nil
}

// Create makes a new file.
func (OS) Create(path string) (File, error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Open opens an existing file.
func (OS) Open(path string) (File, error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Rename renames a file.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove removes a file.
func (OS) Remove(path string) error { return os.Remove(path) }

// SyncDir syncs a folder.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Lock takes an advisory lock, which ends with the process.
func (OS) Lock(path string) (func() error, bool, error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, false, err
	}
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, false, f.Close()
	case err != nil:
		return nil, false, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f.Close, true, nil
}

// Capacity asks the file system.
func (OS) Capacity(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Blocks) * s.Bsize, nil
}

type osFile struct{ *os.File }

// Sync is fdatasync: the length is synced, the times are not.
func (f osFile) Sync() error { return unix.Fdatasync(int(f.Fd())) }

// Allocate reserves space.
func (f osFile) Allocate(size int64) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

// Size returns the file's length.
func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
