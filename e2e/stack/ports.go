package stack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports are taken from below the range that Linux gives to outgoing connections, so that none of those can sit on a
// port between a kill and the restart.
const (
	firstPort = 20000
	lastPort  = 32000
)

// reserved holds a socket in the abstract namespace for each port we gave out: other processes that use this package
// see it, and it vanishes with us.
var reserved struct {
	sync.Mutex
	by map[int]net.Listener
}

// FreePort reserves a port of 127.0.0.1 for this process until it ends.
func FreePort() (int, error) {
	reserved.Lock()
	defer reserved.Unlock()
	if reserved.by == nil {
		reserved.by = map[int]net.Listener{}
	}
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		claim, err := net.Listen("unix", fmt.Sprintf("@longtail-port-%d", port))
		if err != nil {
			continue
		}
		probe, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			claim.Close()
			continue
		}
		probe.Close()
		reserved.by[port] = claim
		return port, nil
	}
	return 0, errors.New("no free port between 20000 and 32000")
}

// freePorts reserves n ports.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		port, err := FreePort()
		if err != nil {
			return nil, err
		}
		ports[i] = port
	}
	return ports, nil
}
