package stack

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// packages tells which of Debian's packages brings a binary.
var packages = map[string]string{
	"mariadbd":           "mariadb-server",
	"mariadb":            "mariadb-client",
	"mariadb-install-db": "mariadb-server",
	"redis-server":       "redis-server",
	"rabbitmq-server":    "rabbitmq-server",
	"rabbitmqctl":        "rabbitmq-server",
	"haproxy":            "haproxy",
	"epmd":               "erlang-base",
}

// tools are what only benchmarks, containers, HTTPS, the console's tests and the code on the pages under docs need; Install
// leaves them alone, and whoever asks for one has it installed.
var tools = map[string]string{
	"nginx":         "nginx",
	"caddy":         "caddy",
	"wrk":           "wrk",
	"docker":        "docker.io",
	"dockerd":       "docker.io",
	"debootstrap":   "debootstrap",
	"iptables-save": "iptables",
	"ip":            "iproute2",
	"chromium":      "chromium",
	"node":          "nodejs",
	"php":           "php-cli",
	"python3":       "python3",
	"ruby":          "ruby",
}

// installing lets one goroutine at a time look for binaries and install them.
var installing sync.Mutex

// binary finds an installed binary and installs its package where it is missing and we may.
func binary(name string) (string, error) {
	installing.Lock()
	defer installing.Unlock()
	if path, ok := lookPath(name); ok {
		return path, nil
	}
	pkg := cmp.Or(packages[name], tools[name])
	if err := install(pkg); err != nil {
		return "", fmt.Errorf("%s is not installed: %w", name, err)
	}
	if path, ok := lookPath(name); ok {
		return path, nil
	}
	return "", fmt.Errorf("%s is not installed, and the package %s did not bring it", name, pkg)
}

// lookPath looks in PATH and where Debian keeps servers, which is not in everybody's PATH.
func lookPath(name string) (string, bool) {
	dirs := []string{"", "/usr/sbin/", "/usr/local/sbin/"}
	if name == "rabbitmq-server" || name == "rabbitmqctl" {
		// Those in PATH are wrappers that change the user and stay in front of the real ones.
		dirs = []string{"/usr/lib/rabbitmq/bin/", "/opt/rabbitmq/sbin/"}
	}
	for _, dir := range dirs {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path, true
		}
	}
	return "", false
}

// Install installs the missing ones of all services at once, which takes less time than one after the other.
func Install() error {
	installing.Lock()
	defer installing.Unlock()
	var missing []string
	for name, pkg := range packages {
		if _, ok := lookPath(name); !ok {
			missing = append(missing, pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return install(missing...)
}

// install runs apt-get as root on Debian and its relatives, one process of ours at a time.
func install(pkgs ...string) error {
	want := strings.Join(pkgs, " ")
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return fmt.Errorf("install MariaDB 10.11 or newer, Redis 7, RabbitMQ 3.10 or newer and HAProxy 2.6 or newer with your system's package manager (on Debian: %s)", want)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("run: sudo apt-get install %s", want)
	}
	lock, err := os.OpenFile("/var/lock/longtail-install", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if err := withoutServices(apt, "update", "-q"); err != nil {
		return err
	}
	return withoutServices(apt, append([]string{"install", "-q", "-y", "--no-install-recommends"}, pkgs...)...)
}

// withoutServices runs apt-get with a policy that forbids the packages to start their servers: ours are private ones.
func withoutServices(apt string, args ...string) error {
	const policy = "/usr/sbin/policy-rc.d"
	if _, err := os.Stat(policy); os.IsNotExist(err) {
		if err := os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
			return err
		}
		defer os.Remove(policy)
	}
	cmd := exec.Command(apt, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
