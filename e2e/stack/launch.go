package stack

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// launches hands commands to the one thread that starts all processes. The kernel sends Pdeathsig when the thread that
// forked ends, not the process, so that thread must live as long as the process does.
var launches = sync.OnceValue(func() chan<- func() {
	todo := make(chan func())
	go func() { // lives as long as the process: it owns the thread
		runtime.LockOSThread()
		for f := range todo {
			f()
		}
	}()
	return todo
})

// launch starts cmd so that it dies with this process, however that ends, and in a process group of its own, so that a
// Ctrl-C at the terminal reaches only us.
func launch(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	result := make(chan error)
	launches() <- func() { result <- cmd.Start() }
	return <-result
}
