package compose

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Close ends a private daemon and takes away what it has left outside of its folder: mounts, its bridge and its rules. A
// daemon that was there before is left alone.
func (e *Engine) Close() error {
	if !e.Private {
		return nil
	}
	var errs error
	if e.daemon != nil {
		errs = e.end()
	}
	errs = errors.Join(errs, unmount(e.dir))
	if e.net != nil {
		errs = errors.Join(errs, e.net.restore())
	}
	return errs
}

// end sends TERM, on which the daemon ends its containers, and KILL when that takes too long.
func (e *Engine) end() error {
	_ = e.daemon.Process.Signal(syscall.SIGTERM)
	select {
	case <-e.ended:
		return nil
	case <-time.After(daemonEnds):
	}
	_ = e.daemon.Process.Kill()
	<-e.ended
	return fmt.Errorf("dockerd did not end within %v of TERM", daemonEnds)
}

// unmount takes away all mounts below dir, the innermost first.
func unmount(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	var below []string
	for lines := bufio.NewScanner(bytes.NewReader(mounts)); lines.Scan(); {
		if f := strings.Fields(lines.Text()); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			below = append(below, f[1])
		}
	}
	slices.Sort(below)
	var errs error
	for _, path := range slices.Backward(below) {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			errs = errors.Join(errs, fmt.Errorf("unmount %s: %w", path, err))
		}
	}
	return errs
}

// A network is what a daemon changes of this machine's: the rules of the packet filter, forwarding, and a bridge.
type network struct {
	rules   []byte
	forward []byte
	bridge  bool // there was one before
}

const (
	forwarding = "/proc/sys/net/ipv4/ip_forward"
	bridgeName = "docker0"
	bridgePath = "/sys/class/net/" + bridgeName
)

func remember(ctx context.Context) (*network, error) {
	rules, err := exec.CommandContext(ctx, "iptables-save").Output()
	if err != nil {
		return nil, fmt.Errorf("iptables-save: %w", err)
	}
	forward, err := os.ReadFile(forwarding)
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(bridgePath)
	return &network{rules: rules, forward: forward, bridge: err == nil}, nil
}

// tables that a daemon fills, when they are empty.
var tables = map[string]string{
	"*filter": ":INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n",
	"*nat":    ":PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n",
}

// restore lays the rules of before over those of now. A table that they do not name was empty.
func (n *network) restore() error {
	rules := slices.Clone(n.rules)
	for name, empty := range tables {
		if !bytes.Contains(rules, []byte(name+"\n")) {
			rules = append(rules, name+"\n"+empty+"COMMIT\n"...)
		}
	}
	var errs error
	cmd := exec.Command("iptables-restore")
	cmd.Stdin = bytes.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		errs = fmt.Errorf("iptables-restore: %w: %s", err, out)
	}
	errs = errors.Join(errs, os.WriteFile(forwarding, n.forward, 0o644))
	if _, err := os.Stat(bridgePath); err == nil && !n.bridge {
		if out, err := exec.Command("ip", "link", "delete", bridgeName).CombinedOutput(); err != nil {
			errs = errors.Join(errs, fmt.Errorf("delete %s: %w: %s", bridgeName, err, out))
		}
	}
	return errs
}
